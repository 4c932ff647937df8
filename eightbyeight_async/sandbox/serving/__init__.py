"""The running server: the class `Sandbox`, its thread, its listeners, its certificates.

`api` handles the requests, and `messages` stores the accepted messages. `control` has the parts that tests read and set
on a running sandbox.
"""
