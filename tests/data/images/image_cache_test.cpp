#include <doctest/doctest.h>

#include <thread>

#include "core/memory_limit.h"
#include "data/dataset.h"
#include "data/images/disk_cache.h"
#include "data/images/ram_cache.h"
#include "data/open_dataset.h"
#include "data/transform.h"
#include "tests/data/image_tree.h"

namespace tessera {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) found.push_back(entry.path());
  }
  return found;
}

TEST_CASE("disk cache: gives back what was stored, and nothing that is damaged") {
  const TempFolder folder;
  DiskCache cache(folder / "deep/cache");
  Image found;
  CHECK_FALSE(cache.load(7, found));
  cache.store(7, picture(3));
  REQUIRE(cache.load(7, found));
  CHECK(found.shape == picture(3).shape);
  CHECK(found.pixels == picture(3).pixels);
  CHECK_FALSE(cache.load(8, found));
  CHECK(cache.take_warning().empty());

  const std::vector<fs::path> files = files_in(folder.path());
  REQUIRE(files.size() == 1);
  const Bytes good = bytes_of(files[0]);
  for (std::size_t at = 0; at < good.size(); at += 5) {
    Bytes bad = good;
    bad[at] ^= 0x10;
    write_file(files[0], bad);
    CHECK_FALSE(cache.load(7, found));
    write_file(files[0], {good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at)});
    CHECK_FALSE(cache.load(7, found));
  }
  CHECK(found.pixels == picture(3).pixels);  // untouched by what failed
  cache.store(7, picture(4));
  CHECK(cache.load(7, found));
  CHECK(found.pixels == picture(4).pixels);
}

TEST_CASE("disk cache: two at once in one folder") {
  const TempFolder folder;
  DiskCache first(folder.path()), second(folder.path());
  const auto work = [](DiskCache& cache) {
    Image found;
    for (int i = 0; i < 400; ++i) {
      const int number = i % 20;
      if (cache.load(static_cast<std::uint64_t>(number), found)) {
        CHECK(found.pixels == picture(number).pixels);
      } else {
        cache.store(static_cast<std::uint64_t>(number), picture(number));
      }
    }
  };
  std::thread other([&] { work(second); });
  work(first);
  other.join();
  CHECK(files_in(folder.path()).size() == 20);  // nothing left aside
}

TEST_CASE("disk cache: a disk that takes no more ends the writing, and is said once") {
  const TempFolder folder;
  write_file(folder / "00", {1});  // where a folder would have to be
  DiskCache cache(folder.path());
  cache.store(7, picture(1));
  CHECK(contains(cache.take_warning(), "nothing more is written to it"));
  CHECK(cache.take_warning().empty());
  cache.store(~std::uint64_t{7}, picture(1));
  Image found;
  CHECK_FALSE(cache.load(~std::uint64_t{7}, found));
  CHECK(contains(message_of<DataError>([&] { DiskCache nowhere(folder / "00/x"); }), "[cache]"));
}

TEST_CASE("ram cache: keeps as much as it may, and shares that with others") {
  const Image image = picture(1);
  RamBudget budget{2 * (sizeof(Image) + image.pixels.size())};
  RamCache cache(3, budget);
  CHECK(cache.find(0) == nullptr);
  const Image* kept = cache.keep(0, image);
  REQUIRE(kept != nullptr);
  CHECK(kept->pixels == image.pixels);
  CHECK(cache.find(0) == kept);
  CHECK(cache.keep(0, image) == kept);
  CHECK(cache.keep(1, image) != nullptr);
  CHECK(cache.keep(2, image) == nullptr);
  {
    RamCache other(3, budget);
    CHECK(other.keep(0, image) == nullptr);
  }
  CHECK(budget.used == budget.limit);
  {
    RamBudget shared{budget.limit};
    RamCache first(3, shared);
    {
      RamCache second(3, shared);
      CHECK(second.keep(0, image) != nullptr);
      CHECK(first.keep(0, image) != nullptr);
      CHECK(first.keep(1, image) == nullptr);
    }
    CHECK(first.keep(1, image) != nullptr);  // the room that the other gave back
  }
  CHECK(ram_budget().limit <= static_cast<std::uint64_t>(machine_memory()) / 2);
}

TEST_CASE("image folder: with a cache, images are the same the first time and later") {
  const TempFolder root;
  write_pets(root / "pets");
  write_picture(root / "pets/train/dog/large.png", 3, 60, 90);
  DataConfig config = folder_config(root / "pets");
  config.resize.test_crop = 0.8;
  const auto plain = open_dataset(config, Split::kTrain);
  const auto view = [&](const Dataset& dataset, std::int64_t i) {
    Image buffer;
    return fit(dataset.read(i, buffer), config.image, config.resize).pixels;
  };
  for (const Cache kind : {Cache::kRam, Cache::kDisk}) {
    config.cache = kind;
    config.cache_folder = root / "cache";
    const auto first = open_dataset(config, Split::kTrain);
    const auto second = open_dataset(config, Split::kTrain);
    Image buffer;
    for (std::int64_t i = 0; i < plain->size(); ++i) {
      CHECK(view(*first, i) == view(*plain, i));  // testing sees no difference
      CHECK(view(*first, i) == view(*plain, i));
      CHECK(view(*second, i) == view(*plain, i));
      CHECK(first->read(i, buffer).shape.height <= 20);
    }
    CHECK(first->take_warnings().empty());
  }
  CHECK(files_in(root / "cache").size() == 7);
  config.image = {6, 6, 3};  // another size is another entry
  Image buffer;
  open_dataset(config, Split::kTrain)->read(6, buffer);
  CHECK(buffer.shape == ImageShape{7, 10, 3});
  CHECK(files_in(root / "cache").size() == 8);
}

}  // namespace
}  // namespace tessera
