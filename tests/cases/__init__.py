"""Small folders as people have them, each made after a report of somebody who does this job."""
