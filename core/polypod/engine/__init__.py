"""Use cases, one a file: functions over a :class:`~polypod.engine.runtime.Runtime`."""
