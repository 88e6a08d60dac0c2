"""duskline's library, in the order of the data's journey: city, datasets, night, vpr, report.

Below them: core (what can change bytes), runtime (what cannot), compute; beside: forecast, doctor, sharing.
"""
