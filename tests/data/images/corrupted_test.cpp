// A thousand files with something wrong: each is reported or decoded, in bounded memory.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>

#include "data/images/decoders.h"
#include "tests/data/files.h"
#include "tests/support/corrupted_images.h"

namespace tessera {
namespace {

using namespace testing;

long peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

TEST_CASE("corrupted: of 1000 files each is reported, or decoded where nothing tells") {
  const long before = peak_megabytes();
  int reported = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const test::CorruptedImage file = test::corrupted_image(i);
    CAPTURE(file.name);
    Image image;
    const std::string message =
        message_of<DataError>([&] { image = decode_image(file.bytes, file.name, 3); });
    if (message == "nothing thrown") {
      CHECK_FALSE(file.must_fail);
      CHECK(static_cast<std::int64_t>(image.pixels.size()) == image.shape.numel());
      CHECK(image.shape.numel() <= kMaxImageBytes);
    } else {
      CHECK(message.starts_with("[image] " + file.name + ": "));
      CHECK(std::count(message.begin(), message.end(), '\n') == 0);
      ++reported;
    }
  }
  CHECK(reported > 850);
  CHECK(peak_megabytes() - before < 400);  // a decoder that believes a giant header takes 12 GB
}

}  // namespace
}  // namespace tessera
