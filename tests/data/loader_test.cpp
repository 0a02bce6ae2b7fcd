#include "data/loader.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "core/error.h"
#include "core/memory_pool.h"
#include "data/open_dataset.h"
#include "tests/data/image_tree.h"
#include "tests/data/loader_support.h"

namespace tessera {
namespace {

using namespace testing;

TEST_CASE("loader: without shuffling and augmentation, the samples in order") {
  LoaderOptions options = options_with(1);
  options.shuffle = false;
  options.augment = {};
  const std::vector<Copy> batches = epoch_of(options, 0);
  REQUIRE(batches.size() == 11);
  const Transform transform(shapes().image(), options.normalization, {});
  const auto size = static_cast<std::size_t>(shapes().image().numel());
  std::vector<float> expected(size);
  std::int64_t sample = 0;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    CHECK(batches[b].index == static_cast<std::int64_t>(b));
    REQUIRE(batches[b].labels.size() == (b == 10 ? 3 : 10));
    for (std::size_t i = 0; i < batches[b].labels.size(); ++i, ++sample) {
      CHECK(batches[b].labels[i] == shapes().label(sample));
      CHECK(batches[b].samples[i] == sample);
      transform.normalize({shapes().image(), shapes().pixels(sample)}, expected.data());
      CHECK(std::memcmp(expected.data(), &batches[b].images[i * size], size * 4) == 0);
    }
  }
  CHECK(sample == 103);
}

TEST_CASE("loader: shapes, types and the end of an epoch") {
  Loader loader(shapes(), options_with(2));
  Batch batch;
  CHECK_FALSE(loader.next(batch));
  loader.start_epoch(0);
  REQUIRE(loader.next(batch));
  CHECK(batch.images.shape() == Shape{10, 16, 12, 3});
  CHECK(batch.labels.shape() == Shape{10});
  CHECK(batch.labels.dtype() == DType::kI32);
  while (batch.index < 10) REQUIRE(loader.next(batch));
  CHECK(batch.images.shape() == Shape{3, 16, 12, 3});
  CHECK_FALSE(loader.next(batch));
  CHECK_FALSE(loader.next(batch));
  CHECK(loader.waited_seconds() > 0.0);
}

TEST_CASE("loader: the augmentation of a sample does not depend on its place in the epoch") {
  LoaderOptions small = options_with(0);
  small.shuffle = false;
  small.augment.mixup = small.augment.cutmix = 0.0;
  LoaderOptions large = small;
  large.batch_size = 103;
  std::vector<float> joined;
  for (const Copy& copy : epoch_of(small, 1)) {
    joined.insert(joined.end(), copy.images.begin(), copy.images.end());
  }
  CHECK(epoch_of(large, 1).front().images == joined);
}

TEST_CASE("loader: mixed batches have the labels of both images") {
  LoaderOptions options = options_with(1);
  LoaderOptions plain = options;
  plain.augment.mixup = plain.augment.cutmix = 0.0;
  const std::vector<Copy> mixed = epoch_of(options, 0);
  const std::vector<Copy> unmixed = epoch_of(plain, 0);
  for (std::size_t b = 0; b < mixed.size(); ++b) {
    CHECK(mixed[b].labels == unmixed[b].labels);
    CHECK(mixed[b].other_labels ==
          std::vector<std::int32_t>(mixed[b].labels.rbegin(), mixed[b].labels.rend()));
    CHECK(unmixed[b].other_labels.empty());
    CHECK(unmixed[b].own_share == 1.0f);
  }
  CHECK(mixed.front().images != unmixed.front().images);
}

TEST_CASE("loader: repeated augmentation shows fewer samples, each several times and changed") {
  LoaderOptions options = options_with(0);
  options.augment = {.repeats = 3, .flip = true, .policy = AugmentPolicy::kTrivialAugment};
  options.batch_size = 103;
  const Copy batch = epoch_of(options, 0).front();
  LoaderOptions plain = options;
  plain.augment.repeats = 1;
  const Copy all = epoch_of(plain, 0).front();
  const auto size = static_cast<std::size_t>(shapes().image().numel());
  const auto image = [&](const Copy& copy, std::size_t i) {
    return std::vector<float>(copy.images.begin() + static_cast<std::ptrdiff_t>(i * size),
                              copy.images.begin() + static_cast<std::ptrdiff_t>((i + 1) * size));
  };
  int same = 0;
  for (std::size_t i = 0; i < 103; ++i) {
    CHECK(batch.labels[i] == all.labels[i / 3]);
    if (i % 3 == 0) {
      CHECK(image(batch, i) == image(all, i / 3));
    } else {
      same += image(batch, i) == image(batch, i - 1) ? 1 : 0;
    }
  }
  CHECK(same < 20);
  options.augment.repeats = 0;
  CHECK_THROWS_AS(Loader(shapes(), options), ConfigError);
}

TEST_CASE("loader: drop_last") {
  LoaderOptions options = options_with(1);
  options.drop_last = true;
  CHECK(Loader(shapes(), options).batches_per_epoch() == 10);
  CHECK(epoch_of(options, 0).size() == 10);
  options.batch_size = 104;
  CHECK_THROWS_AS(Loader(shapes(), options), ConfigError);
}

TEST_CASE("loader: images of different sizes become batches of one, alike for any workers") {
  const TempFolder root;
  write_pets(root.path());
  const auto dataset = open_dataset(folder_config(root.path()), Split::kTrain);
  LoaderOptions options = options_with(0);
  options.batch_size = 3;
  std::vector<Copy> expected;
  for (const int workers : {0, 1, 2}) {
    options.workers = workers;
    Loader loader(*dataset, options);
    loader.start_epoch(0);
    const std::vector<Copy> batches = drain(loader);
    REQUIRE(batches.size() == 2);
    CHECK(batches[0].images.size() == 3 * 8 * 8 * 3);
    if (workers == 0) expected = batches;
    CHECK(batches == expected);
  }
}

TEST_CASE("loader: takes nothing from the system after construction") {
  for (const int workers : {0, 3}) {
    Loader loader(shapes(), options_with(workers));
    const std::uint64_t before = Pool::global().stats().system_allocations;
    Batch batch;
    for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
      loader.start_epoch(epoch);
      while (loader.next(batch)) {
      }
    }
    CHECK(Pool::global().stats().system_allocations == before);
  }
}

TEST_CASE("loader: options that cannot be meant") {
  const auto throws = [](auto change) {
    LoaderOptions options = options_with(0);
    change(options);
    CHECK_THROWS_AS(Loader(shapes(), options), ConfigError);
  };
  throws([](LoaderOptions& options) { options.batch_size = 0; });
  throws([](LoaderOptions& options) { options.workers = -1; });
  throws([](LoaderOptions& options) { options.normalization = {{0.5f}, {0.5f}}; });
  const ArrayDataset empty(dataset_info(DatasetName::kMnist), {}, {});
  CHECK_THROWS_AS(Loader(empty, options_with(0)), DataError);
}

}  // namespace
}  // namespace tessera
