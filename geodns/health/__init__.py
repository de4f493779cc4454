"""Health: probes, their schedule, and the state machines that turn results into verdicts."""
