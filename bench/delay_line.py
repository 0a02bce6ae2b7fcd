#!/usr/bin/env python3
"""Joins two network devices by a line on which each packet takes some time, as netem would.

    bench/delay_line.py DEVICE DEVICE 1ms          as root; makes both devices, then says "ready"

For kernels without netem: both devices are tun devices, and this process holds what is sent to one
until its time has come, and then hands it to the other. Packets keep their order and are as large
as the kernel sends them, up to 64 KB. What it costs, the cores pay that it runs on.
"""
import collections
import fcntl
import os
import select
import struct
import sys
import time

# linux/if_tun.h
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02
MOST = 65536 + 64  # bytes of a packet behind its header
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def seconds_of(text):
    number = text.rstrip("mus")
    return float(number) * UNITS[text[len(number):]]


def open_tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(),
                                               IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    return device


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    devices = [open_tun(name) for name in sys.argv[1:3]]
    delay = seconds_of(sys.argv[3])
    other = dict(zip(devices, reversed(devices)))
    waiting = collections.deque()  # (when, to which, packet), in the order of time
    print("ready", flush=True)
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for device in select.select(devices, [], [], left)[0]:
            try:
                for _ in range(64):
                    packet = os.read(device, MOST)
                    waiting.append((time.monotonic() + delay, other[device], packet))
            except BlockingIOError:
                pass
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, device, packet = waiting.popleft()
            try:
                os.write(device, packet)
            except OSError:
                pass  # as a network loses what nobody takes


if __name__ == "__main__":
    main()
