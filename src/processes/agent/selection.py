# Which files the agent records: the rule of src/paths/selection.rs, without file patterns, which are applied when the
# journal is merged.

_INSTALLED = ("site-packages", "dist-packages")


class Selection:
    def __init__(self, request, folder):
        self._folders, self._packages = [], list(request["source_packages"])
        for entry in request["source"]:
            path = os.path.realpath(os.path.join(folder, entry))
            if os.path.isdir(path):
                self._folders.append(path)
            else:
                self._packages.append(entry)
        for entry in request["source_dirs"]:
            self._folders.append(os.path.realpath(os.path.join(folder, entry)))
        self._has_include = bool(request["include"])
        prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
        prefixes |= {os.path.realpath(prefix) for prefix in prefixes}
        self._scripts = [os.path.join(prefix, "bin") for prefix in prefixes]
        self._library = []
        if not request["standard_library"]:
            name = "python%d.%d" % sys.version_info[:2]
            folders = [os.path.join(prefix, library, name) for prefix in prefixes for library in ("lib", sys.platlibdir)]
            folders.append(os.path.dirname(os.__file__))
            self._library = sorted({os.path.realpath(folder) for folder in folders})

    @staticmethod
    def _lies_in(path, folder):
        return path == folder or path.startswith(folder.rstrip("/") + "/")

    def _is_third_party(self, path):
        parts = path.split("/")
        return any(name in parts for name in _INSTALLED) or any(
            self._lies_in(path, folder) for folder in self._scripts
        )

    def package_of(self, module):
        """The package asked for by name that a module belongs to."""
        for package in self._packages:
            if module == package or module.startswith(package + "."):
                return package
        return None

    def measures(self, path, module):
        if self._folders or self._packages:
            for folder in self._folders:
                if self._lies_in(path, folder) and (
                    not self._is_third_party(path) or self._is_third_party(folder)
                ):
                    return True
            return self.package_of(module) is not None
        if self._has_include:
            return True
        return not self._is_third_party(path) and not any(
            self._lies_in(path, folder) for folder in self._library
        )
