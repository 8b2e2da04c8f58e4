// limit: source_bytes 20
data { }
