"""Registries: who they are (registries.conf), who we are to them (auth.json), and what they say.

:mod:`access` is the one value that travels from the command line to here, :mod:`conf` reads
registries.conf(5), :mod:`auth` finds and keeps credentials, and :mod:`client` opens a
:class:`~polypod.registry.repository.Repository`, which speaks the distribution-spec over
:mod:`wire`.

What images must bring to be let in: :mod:`policy` reads policy.json(5), :mod:`policy_check` judges, with
:mod:`simple_signing` (gpg) and :mod:`sigstore` (keys); the signatures lie in a :mod:`lookaside` or as
:mod:`attachments` of the registry.
"""
