"""What dcmon keeps: the journal (state and audit trail), the samples, and what waits for InfluxDB."""
