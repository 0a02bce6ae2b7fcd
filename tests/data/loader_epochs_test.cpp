// Which batches an epoch of the loader has: the same for any number of workers, from any batch on.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "tests/data/loader_support.h"

namespace tessera {
namespace {

using namespace testing;

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

TEST_CASE("loader: an epoch shows each of 1.3 million samples once, whoever shares it") {
  class Points final : public Dataset {
   public:
    explicit Points(std::int64_t size)
        : Dataset({"points", {1, 1, 1}, {"a", "b"}, {{0.5f}, {0.5f}}, 0, 0}), size_(size) {}
    std::int64_t size() const override { return size_; }
    ImageView read(std::int64_t, Image& buffer) const override {
      buffer = {{1, 1, 1}, {7}};
      return buffer;
    }
    std::int32_t label(std::int64_t i) const override { return static_cast<std::int32_t>(i % 2); }
    std::string sample_name(std::int64_t i) const override { return fmt::format("{}", i); }
    std::uint64_t fingerprint() const override { return 0; }

   private:
    std::int64_t size_;
  };
  const Points points(1'300'000);
  LoaderOptions options;
  options.batch_size = 65'000;  // 20 of them
  options.shuffle = true;
  options.drop_last = true;
  options.normalization = {{0.5f}, {0.5f}};
  options.workers = 0;
  std::vector<int> shown(static_cast<std::size_t>(points.size()));
  std::int64_t in_place = 0, at = 0;
  for (const int rank : {0, 1}) {
    options.share = {rank, 2};
    Loader loader(points, options);
    loader.start_epoch(3);
    for (Batch batch; loader.next(batch);) {
      for (const std::int64_t sample : batch.samples) {
        ++shown[static_cast<std::size_t>(sample)];
        in_place += sample == at++ ? 1 : 0;
      }
    }
  }
  CHECK(std::ranges::all_of(shown, [](int times) { return times == 1; }));
  CHECK(in_place < 20);  // one on average
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

}  // namespace
}  // namespace tessera
