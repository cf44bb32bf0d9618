"""The command line: parse, call the engine, render. No decisions are made here."""
