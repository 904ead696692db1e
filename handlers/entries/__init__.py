"""One Lambda entry a file. clients.py and jobs.py have what several entries share."""
