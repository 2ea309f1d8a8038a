from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]
