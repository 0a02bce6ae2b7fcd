// Joins two network devices by a line on which each packet takes some time, as netem would.
//
//     delay_line DEVICE DEVICE MILLISECONDS      as root; makes both devices, then says "ready"
//
// For kernels without netem: both are tun devices, and this process holds what is sent to one until
// its time has come, and then hands it to the other. Packets keep their order and are as large as
// the kernel sends them, up to 64 KB. What it costs, the cores pay that it runs on.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

namespace {

using Nanoseconds = std::int64_t;

struct Packet {
  Nanoseconds due;
  int to;
  std::vector<char> bytes;
};

Nanoseconds now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * Nanoseconds{1'000'000'000} + time.tv_nsec;
}

int open_tun(const char* name) {
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0 ||
      ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) {
    std::perror(name);
    std::exit(1);
  }
  return device;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: %s DEVICE DEVICE MILLISECONDS\n", words[0]);
    return 2;
  }
  const std::array<int, 2> devices = {open_tun(words[1]), open_tun(words[2])};
  const auto delay = static_cast<Nanoseconds>(1e6 * std::atof(words[3]));
  std::deque<Packet> waiting;  // in the order of time
  std::vector<char> room(65536 + 64);
  std::puts("ready");
  std::fflush(stdout);
  std::array<pollfd, 2> polled = {{{devices[0], POLLIN, 0}, {devices[1], POLLIN, 0}}};
  for (;;) {
    const Nanoseconds left =
        waiting.empty() ? 1'000'000'000 : std::max<Nanoseconds>(0, waiting.front().due - now());
    const timespec longest{left / 1'000'000'000, left % 1'000'000'000};
    ppoll(polled.data(), polled.size(), &longest, nullptr);
    for (std::size_t i : {0U, 1U}) {
      if ((polled[i].revents & POLLIN) == 0) continue;
      for (ssize_t size = 0; (size = read(devices[i], room.data(), room.size())) > 0;) {
        waiting.push_back({now() + delay, devices[1 - i], {room.data(), room.data() + size}});
      }
    }
    for (; !waiting.empty() && waiting.front().due <= now(); waiting.pop_front()) {
      const Packet& packet = waiting.front();
      // As a network loses what nobody takes.
      [[maybe_unused]] const ssize_t taken =
          write(packet.to, packet.bytes.data(), packet.bytes.size());
    }
  }
}
