// Several processes that load the same batches together.
#include "data/share.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "data/loader.h"
#include "data/sets/synthetic.h"

namespace tessera {
namespace {

using Places = std::vector<std::int64_t>;

const ArrayDataset& shapes() {
  static const auto dataset = make_shapes({.image = {12, 10, 3}, .samples = 53}, Split::kTrain);
  return *dataset;
}

LoaderOptions options_of(std::int64_t batch, bool mixes) {
  LoaderOptions options;
  options.batch_size = batch;
  options.shuffle = true;
  options.augment = {.crop_padding = 2, .flip = true, .erase = 0.3};
  if (mixes) options.augment.mixup = options.augment.cutmix = 1.0;
  options.normalization = dataset_info(DatasetName::kSynthetic).normalization;
  options.seed = 7;
  options.drop_last = true;
  return options;
}

TEST_CASE("share: pairs that are mixed stay together, in mirrored places") {
  CHECK(places_of({0, 1}, 4, true) == Places{0, 1, 2, 3});
  CHECK(places_of({0, 2}, 8, true) == Places{0, 1, 6, 7});
  CHECK(places_of({1, 2}, 8, true) == Places{2, 3, 4, 5});
  CHECK(places_of({1, 2}, 5, true) == Places{1, 2, 3});  // the middle one is a pair with itself
  CHECK(places_of({1, 3}, 7, false) == Places{2, 3});
  CHECK_THROWS_AS(places_of({0, 3}, 2, false), ConfigError);
  CHECK_THROWS_AS(places_of({0, 3}, 4, true), ConfigError);
}

TEST_CASE("share: the parts of all processes are the batches of one, to the bit") {
  for (const bool mixes : {false, true}) {
    for (const std::int64_t size : {8, 11}) {
      for (const int ranks : {2, 3}) {
        CAPTURE(mixes);
        CAPTURE(size);
        CAPTURE(ranks);
        Loader whole(shapes(), options_of(size, mixes));
        whole.start_epoch(2, 1);
        std::vector<std::unique_ptr<Loader>> parts;
        for (int rank = 0; rank < ranks; ++rank) {
          LoaderOptions options = options_of(size, mixes);
          options.share = {rank, ranks};
          options.workers = rank;
          parts.push_back(std::make_unique<Loader>(shapes(), options));
          parts.back()->start_epoch(2, 1);
        }
        Batch batch, part;
        while (whole.next(batch)) {
          CHECK(batch.whole == size);
          std::vector<bool> seen(static_cast<std::size_t>(size));
          const std::size_t row = static_cast<std::size_t>(batch.images.numel() / size);
          for (const auto& loader : parts) {
            REQUIRE(loader->next(part));
            CHECK(part.whole == size);
            CHECK(part.index == batch.index);
            CHECK(part.own_share == batch.own_share);
            for (std::size_t i = 0; i < part.places.size(); ++i) {
              const auto at = static_cast<std::size_t>(part.places[i]);
              CHECK(!seen[at]);
              seen[at] = true;
              CHECK(part.samples[i] == batch.samples[at]);
              CHECK(std::memcmp(part.images.f32() + i * row, batch.images.f32() + at * row,
                                row * sizeof(float)) == 0);
              CHECK(part.labels.data<std::int32_t>()[i] == batch.labels.data<std::int32_t>()[at]);
              if (!mixes) continue;
              CHECK(part.other_labels.data<std::int32_t>()[i] ==
                    batch.other_labels.data<std::int32_t>()[at]);
            }
          }
          CHECK(std::ranges::find(seen, false) == seen.end());
        }
        for (const auto& loader : parts) CHECK(!loader->next(part));
      }
    }
  }
}

TEST_CASE("share: whole batches are dealt out, the incomplete last one too") {
  LoaderOptions options = options_of(10, false);
  options.shuffle = options.drop_last = false;
  std::vector<std::int64_t> seen;
  for (int rank = 0; rank < 4; ++rank) {
    options.share = {rank, 4, /*of_each_batch=*/false};
    Loader loader(shapes(), options);
    CHECK(loader.batches_per_epoch() == (rank < 2 ? 2 : 1));
    loader.start_epoch(0);
    for (Batch batch; loader.next(batch);) {
      CHECK(batch.index % 4 == rank);
      CHECK(batch.places.empty());
      seen.insert(seen.end(), batch.samples.begin(), batch.samples.end());
    }
  }
  std::ranges::sort(seen);
  CHECK(seen.size() == 53);
  CHECK(std::ranges::adjacent_find(seen) == seen.end());
  options.share.of_each_batch = true;
  CHECK_THROWS_AS(Loader(shapes(), options), ConfigError);
}

}  // namespace
}  // namespace tessera
