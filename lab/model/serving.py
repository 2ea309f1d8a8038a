"""The server process: run by the Python of ``build/model-venv``, the only one that has the model's runtime.

Serves one GGUF file on a free port of the loopback device, writes the address on a line, and ends when its input does:
whoever started it is then gone, however that came about.
"""

import sys

import xllamacpp


def main(model: str, threads: int, context: int) -> None:
    """Serve until standard input ends."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.n_gpu_layers = 0
    params.n_ctx = context
    # One conversation at a time: the constant beginning of every request then stays in its cache.
    params.n_parallel = 1
    params.cache_ram_mib = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.endpoint_metrics = True
    params.warmup = False
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
