"""The commands of `gridsvc`, a file each."""
