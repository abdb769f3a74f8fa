"""Firmware that runs a network on a microcontroller's board, under qemu."""
