# Starting the agent: called by the bootstrap, before the program runs.


def start(handover):
    """Measures this process as its parent says; afterwards os.environ shows nothing of it."""
    journals = os.path.dirname(handover["bootstrap"])
    variables = Variables(["MINICOV_PROCESS", "PYTHONPATH"])
    search_path = os.environ["PYTHONPATH"]
    rest = search_path[len(handover["bootstrap"]) :]
    variables.hide("PYTHONPATH", rest[1:] if rest else None)
    variables.hide("MINICOV_PROCESS", None)
    try:
        _measure(handover, journals)
        measure_children(variables, lambda reason: leave_word(journals, "a child process was not measured: " + reason))
    except Exception as error:
        leave_note(journals, error)


def _measure(handover, journals):
    settings = handover["settings"]
    header = dict(handover["journal_header"])
    # A child's data counts as its main process's, by whose Python the report goes.
    header["python"] = header["python"] or "%d.%d.%d" % sys.version_info[:3]
    # What the test that started this process is called.
    contexts = [header["context"], handover.get("parent_context", "")]
    header["context"] = "|".join(context for context in contexts if context)
    journal = Journal(journals, _json(header).encode("utf-8", "surrogateescape"))
    selection = Selection(settings["selection"], handover["workplace"]["folder"])
    recorder = Recorder(journal, selection, lambda error: leave_note(journals, error))
    if settings["branch"] or not hasattr(sys, "monitoring"):
        trace_calls(recorder, settings["branch"])
    else:
        watch_lines(recorder)


def leave_note(journals, reason):
    leave_word(journals, "a process was measured in part or not at all: %s: %s" % (sys.executable, reason))


def leave_word(journals, text):
    """Leaves word beside the journals, for the next minicov (src/store/journal/notes.rs), which says each text once."""
    try:
        path = os.path.join(journals, "%d-%x-agent.note" % (os.getpid(), hash(text) & 0xFFFFFFFF))
        with open(path + ".unfinished", "w") as file:
            file.write(text)
        os.rename(path + ".unfinished", path)
    except OSError:
        pass
