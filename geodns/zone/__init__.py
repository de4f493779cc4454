"""Zone content: octoDNS YAML and RFC 1035 master files to checked record sets."""
