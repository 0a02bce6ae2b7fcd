#include "data/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "core/memory_pool.h"
#include "data/open_dataset.h"
#include "data/sets/synthetic.h"
#include "tests/data/image_tree.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

const ArrayDataset& shapes() {
  static const auto dataset = make_shapes({.image = {16, 12, 3}, .samples = 103}, Split::kTrain);
  return *dataset;
}

LoaderOptions options_with(int workers) {
  LoaderOptions options;
  options.batch_size = 10;
  options.shuffle = true;
  options.augment = {.crop_area = {0.5, 1.0},
                     .crop_padding = 2,
                     .flip = true,
                     .policy = AugmentPolicy::kRandAugment,
                     .color_jitter = 0.3,
                     .erase = 0.3,
                     .erase_mode = EraseMode::kPixel,
                     .mixup = 0.8,
                     .cutmix = 1.0};
  options.normalization = dataset_info(DatasetName::kSynthetic).normalization;
  options.seed = 7;
  options.workers = workers;
  return options;
}

struct Copy {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  std::vector<std::int32_t> other_labels;
  float own_share;
  std::int64_t index;
  std::vector<std::int64_t> samples;
  friend bool operator==(const Copy&, const Copy&) = default;
};

std::vector<Copy> drain(Loader& loader) {
  std::vector<Copy> copies;
  Batch batch;
  while (loader.next(batch)) {
    const auto images = batch.images.span();
    const auto labels = batch.labels.span<std::int32_t>();
    copies.push_back({{images.begin(), images.end()},
                      {labels.begin(), labels.end()},
                      {},
                      batch.own_share,
                      batch.index,
                      batch.samples});
    if (!batch.other_labels) continue;
    const auto others = batch.other_labels.span<std::int32_t>();
    copies.back().other_labels.assign(others.begin(), others.end());
  }
  CHECK_FALSE(static_cast<bool>(batch.images));
  return copies;
}

std::vector<Copy> epoch_of(const LoaderOptions& options, std::int64_t epoch,
                           std::int64_t first_batch = 0) {
  Loader loader(shapes(), options);
  loader.start_epoch(epoch, first_batch);
  return drain(loader);
}

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

TEST_CASE("loader: the same bits for any number of workers, with every policy and mixing") {
  for (const AugmentPolicy policy :
       {AugmentPolicy::kNone, AugmentPolicy::kRandAugment, AugmentPolicy::kTrivialAugment,
        AugmentPolicy::kAutoAugmentCifar}) {
    for (const std::int64_t epoch : {0, 5}) {
      LoaderOptions options = options_with(0);
      options.augment.policy = policy;
      options.augment.repeats = epoch == 0 ? 1 : 3;
      const std::vector<Copy> expected = epoch_of(options, epoch);
      REQUIRE(expected.size() == 11);
      // Both ways of mixing are among the batches: shares of cutmix are counts of pixels.
      const auto by_cutmix = std::count_if(expected.begin(), expected.end(), [](const Copy& copy) {
        const float area = copy.own_share * 16.0f * 12.0f;
        return std::abs(area - std::round(area)) < 1e-3f;
      });
      CHECK(by_cutmix > 0);
      CHECK(by_cutmix < 11);
      for (const int workers : {1, 2, 3}) {
        options.workers = workers;
        CHECK(epoch_of(options, epoch) == expected);
      }
    }
  }
}

TEST_CASE("loader: an epoch continued at batch k gives the batches from k on") {
  const std::vector<Copy> all = epoch_of(options_with(0), 2);
  for (const int workers : {0, 2}) {
    for (const std::int64_t first : {1, 5, 10, 11}) {
      const std::vector<Copy> rest(all.begin() + first, all.end());
      CHECK(epoch_of(options_with(workers), 2, first) == rest);
    }
  }
  Loader loader(shapes(), options_with(0));
  CHECK_THROWS_AS(loader.start_epoch(0, 12), ConfigError);
  CHECK_THROWS_AS(loader.start_epoch(0, -1), ConfigError);
}

TEST_CASE("loader: an epoch that began in other batches goes on at the next image") {
  const auto samples_of = [](const std::vector<Copy>& batches) {
    std::vector<std::int64_t> samples;
    for (const Copy& batch : batches) {
      samples.insert(samples.end(), batch.samples.begin(), batch.samples.end());
    }
    return samples;
  };
  LoaderOptions options = options_with(0);
  const std::vector<std::int64_t> all = samples_of(epoch_of(options, 2));
  options.drop_last = true;
  options.batch_size = 24;
  for (const int workers : {0, 2}) {
    options.workers = workers;
    Loader loader(shapes(), options);
    loader.start_epoch(2, 1, 6);  // 30 of 103 images are gone
    const std::vector<Copy> rest = drain(loader);
    CHECK(rest.size() == 3);
    CHECK(samples_of(rest) == std::vector<std::int64_t>(all.begin() + 30, all.begin() + 102));
    loader.start_epoch(2, 4, 6);  // what is left fills no batch
    CHECK(drain(loader).empty());
    CHECK_THROWS_AS(loader.start_epoch(2, 5, 6), ConfigError);
    CHECK_THROWS_AS(loader.start_epoch(2, 1, 24), ConfigError);
    CHECK_THROWS_AS(loader.start_epoch(2, 4, 8), ConfigError);  // 95 images are three batches
  }
  options.drop_last = false;
  Loader loader(shapes(), options);
  CHECK_THROWS_AS(loader.start_epoch(2, 1, 6), ConfigError);
}

TEST_CASE("loader: epochs and seeds differ, each shows every sample once") {
  // Labels of the samples are not enough to tell them apart: use the order of unaugmented images.
  LoaderOptions options = options_with(1);
  options.augment = {};
  const auto flat = [&](std::int64_t epoch) {
    std::vector<std::vector<float>> images;
    const auto size = static_cast<std::ptrdiff_t>(shapes().image().numel());
    for (const Copy& copy : epoch_of(options, epoch)) {
      for (auto at = copy.images.begin(); at != copy.images.end(); at += size) {
        images.emplace_back(at, at + size);
      }
    }
    return images;
  };
  auto first = flat(0);
  auto second = flat(1);
  options.seed = 8;
  auto third = flat(0);
  options.shuffle = false;
  auto ordered = flat(0);
  CHECK(first != second);
  CHECK(first != third);
  CHECK(first != ordered);
  for (auto* images : {&first, &second, &third, &ordered})
    std::sort(images->begin(), images->end());
  CHECK(first == ordered);
  CHECK(second == ordered);
  CHECK(third == ordered);
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

TEST_CASE("loader: a new epoch and destruction at any moment") {
  const std::vector<Copy> expected = epoch_of(options_with(0), 3);
  for (const int workers : {0, 1, 2, 3}) {
    for (int taken = 0; taken < 8; ++taken) {
      Loader loader(shapes(), options_with(workers));
      loader.start_epoch(0);
      Batch batch;
      for (int i = 0; i < taken; ++i) REQUIRE(loader.next(batch));
      loader.start_epoch(3, 0);
      if (taken % 2 == 0) CHECK(drain(loader) == expected);
      loader.start_epoch(1);
    }  // destroyed in the middle of epoch 1
  }
  Loader unused(shapes(), options_with(2));
}

/// Fails to give sample 25.
class Faulty final : public Dataset {
 public:
  Faulty() : Dataset(dataset_info(DatasetName::kMnist)), image_(28 * 28) {}
  std::int64_t size() const override { return 100; }
  std::int32_t label(std::int64_t) const override { return 0; }
  ImageView read(std::int64_t i, Image&) const override {
    if (i == 25) fail<DataError>("[faulty] sample {} cannot be read", i);
    return {image(), image_};
  }
  std::string sample_name(std::int64_t) const override { return ""; }
  std::uint64_t fingerprint() const override { return 0; }

 private:
  Bytes image_;
};

TEST_CASE("loader: an error in a worker is thrown at its batch and ends the epoch") {
  const Faulty dataset;
  for (const int workers : {0, 1, 3}) {
    LoaderOptions options = options_with(workers);
    options.shuffle = false;
    options.normalization = {{0.0f}, {1.0f}};
    Loader loader(dataset, options);
    for (int round = 0; round < 2; ++round) {
      loader.start_epoch(0);
      Batch batch;
      CHECK(loader.next(batch));
      CHECK(loader.next(batch));
      CHECK(message_of<DataError>([&] { loader.next(batch); }) ==
            "[faulty] sample 25 cannot be read (data.on_error: skip leaves such images out; "
            "tessera data "
            "check names all)");
      CHECK_FALSE(loader.next(batch));
    }
    loader.start_epoch(0, 3);
    Batch batch;
    for (int i = 3; i < 10; ++i) CHECK(loader.next(batch));
    CHECK_FALSE(loader.next(batch));
  }
}

/// Images of the samples of an epoch, whose first pixel is the number of the sample; a third of
/// them cannot be read.
class Patchy final : public Dataset {
 public:
  explicit Patchy(bool hopeless) : Dataset(dataset_info(DatasetName::kMnist)), hopeless_(hopeless) {
    for (int i = 0; i < 32; ++i) images_.emplace_back(28 * 28, static_cast<std::uint8_t>(i));
  }
  std::int64_t size() const override { return 32; }
  std::int32_t label(std::int64_t i) const override { return static_cast<std::int32_t>(i % 10); }
  ImageView read(std::int64_t i, Image&) const override {
    if (hopeless_ || broken(i)) fail<DataError>("sample {} is broken", i);
    return {image(), images_[static_cast<std::size_t>(i)]};
  }
  std::string sample_name(std::int64_t) const override { return ""; }
  std::uint64_t fingerprint() const override { return 0; }
  static bool broken(std::int64_t i) { return i % 3 == 1 || (i >= 8 && i < 12); }

 private:
  bool hopeless_;
  std::vector<Bytes> images_;
};

LoaderOptions skipping(int workers) {
  LoaderOptions options;
  options.batch_size = 4;
  options.normalization = {{0.0f}, {1.0f / 255.0f}};  // pixels as they are
  options.workers = workers;
  options.on_error = OnError::kSkip;
  return options;
}

std::vector<Copy> epoch_of(const Dataset& dataset, const LoaderOptions& options, Names& skipped) {
  Loader loader(dataset, options);
  loader.start_epoch(1);
  std::vector<Copy> batches = drain(loader);
  skipped = loader.take_warnings();
  std::sort(skipped.begin(), skipped.end());
  loader.start_epoch(1);
  CHECK(drain(loader) == batches);
  CHECK(loader.take_warnings().empty());
  return batches;
}

TEST_CASE("loader: in testing, broken samples are left out and each is named once") {
  const Patchy dataset(false);
  Names skipped;
  const std::vector<Copy> batches = epoch_of(dataset, skipping(0), skipped);
  std::int64_t sample = -1;
  for (const Copy& batch : batches) {
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      while (Patchy::broken(++sample)) {
      }
      CHECK(std::lround(batch.images[i * 28 * 28]) == sample);
      CHECK(batch.samples[i] == sample);
      CHECK(batch.labels[i] == sample % 10);
    }
  }
  CHECK(sample == 30);
  CHECK(batches.size() == 7);  // none of 8 to 11 can be read
  CHECK(skipped.size() == 14);
  CHECK(skipped.front() == "skipped: sample 1 is broken");
  for (const int workers : {1, 3}) {
    Names again;
    CHECK(epoch_of(dataset, skipping(workers), again) == batches);
    CHECK(again == skipped);
  }
  CHECK(epoch_of(Patchy(true), skipping(1), skipped).empty());
}

TEST_CASE("loader: in training, the next sample stands in and every batch is full") {
  const Patchy dataset(false);
  LoaderOptions options = skipping(0);
  options.shuffle = options.drop_last = true;
  options.augment.flip = true;
  Names skipped;
  const std::vector<Copy> batches = epoch_of(dataset, options, skipped);
  CHECK(batches.size() == 8);
  CHECK(skipped.size() == 14);
  std::vector<float> shown;
  for (const Copy& batch : batches) {
    REQUIRE(batch.labels.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      shown.push_back(std::round(batch.images[i * 28 * 28]));
      CHECK_FALSE(Patchy::broken(static_cast<std::int64_t>(shown.back())));
      CHECK(batch.labels[i] == static_cast<int>(shown.back()) % 10);
    }
  }
  options.workers = 3;
  CHECK(epoch_of(dataset, options, skipped) == batches);
  const Patchy hopeless(true);
  Loader loader(hopeless, options);
  loader.start_epoch(0);
  Batch batch;
  CHECK(message_of<DataError>([&] { loader.next(batch); }) ==
        "[loader] none of the 32 samples of mnist can be read");
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
