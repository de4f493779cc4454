"""The pair of servers in the control process: connections, what is kept, and promotion."""
