"""The command line. A file an idea; results go to stdout, everything said to a person goes to stderr.

entry       how every command ends: exit codes, one line an error, no traceback
app         the commands and their options; options: those that several commands share
one         send, cancel, cancel-batch, chatapps-cancel; after: status, feedback; measuring: measure
send_file   send-each, send-batch: check the whole file, then send it
  order                   what is asked for, and the first reading; check: is everything in order?
  source, lines, decoding the file, read twice and the same both times
  csv_rows, jsonl_rows    its rows; rows: a row becomes a request; fields, template: the words for it
  sending                 the second reading; fan: a POST a row; chunks: a POST for thousands
  tally, record           counting, one record a message
  output                  where the records go
bulk_app    the bulk commands and their options
  bulk_run, bulk_sending  bulk run: the first reading, and the second; bulk_memory: what the journal remembers for it
  bulk_after, bulk_words  status, unknown, resolve, reconcile, cancel, export; words for what they tell
serve, demo, demo_file  the sandbox as a command, and a tour of it
show        what a person sees on stderr; run: the event loop and the signals; exits: the exit codes
"""
