"""The world coloured by datacenter: land, projection, who is sent where, and its drawing."""
