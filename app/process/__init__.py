"""What every process stands on: its clock, log and traces, the servers it asks, the queues."""
