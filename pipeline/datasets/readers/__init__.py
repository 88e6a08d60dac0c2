"""One reader for each raw form: a function (raw folder, its settings) that yields `RawImage`s."""
