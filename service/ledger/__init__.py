"""Tables, jobs and records of one installation."""
