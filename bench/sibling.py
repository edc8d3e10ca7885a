"""For the programs of this folder, which have no .py in their names, to use one another."""
import importlib.machinery
import importlib.util
import os


def load(name):
    """The program as a module; its main does not run."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    loader = importlib.machinery.SourceFileLoader(name, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
