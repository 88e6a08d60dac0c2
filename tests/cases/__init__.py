"""Cases from life: each makes its own small folder and asks for the right value."""
