"""The command line. A file an idea; results go to stdout, everything said to a person goes to stderr.

entry       how every command ends: exit codes, one line an error, no traceback
app         the commands and their options; options: those that several commands share
one         send, cancel, cancel-batch, chatapps-cancel
send_each   send a file: check it all, then send it row by row
  source, lines, decoding the file, read twice and the same both times
  csv_rows, jsonl_rows    its rows; rows: a row becomes a request; fields, template: the words for it
  check                   the first reading: is everything in order?
  fan, tally, record      the second: sending, counting, one record a message
  output                  where the records go
serve, demo, demo_file  the sandbox as a command, and a tour of it
show        what a person sees on stderr; run: the event loop and the signals; exits: the exit codes
"""
