"""duskline's library, in the order of the data's journey: city, datasets, night, vpr, report."""
