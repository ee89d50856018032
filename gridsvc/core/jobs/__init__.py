"""Work that outlasts its request: deferred in the caller's transaction, done by any worker, all or nothing.

Its parts are loaded by their own names: who asks for a job (`queue`) needs neither the worker nor what shows jobs (`reading`).
"""
