// How the loader makes one batch.
#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/rng.h"
#include "data/augment/mix.h"
#include "data/loader.h"

namespace tessera {

Batch Loader::collate(const Epoch& epoch, std::int64_t index) const {
  // A short last batch uses a block of the full size, which the pool has.
  const Tensor images = Tensor::empty(image_shape(most()));
  const Tensor labels = Tensor::empty({most()}, DType::kI32);
  float* out = images.f32();
  std::vector<std::int64_t> samples;
  Image buffer;
  for (const std::int64_t i : images_of(epoch, index)) {
    const std::optional<Loaded> sample = readable(epoch, place_of(i), buffer);
    if (!sample) continue;
    labels.data<std::int32_t>()[samples.size()] = dataset_.label(sample->index);
    samples.push_back(sample->index);
    if (augments_) {
      Rng rng = draws_of(epoch, i);
      transform_.augment(sample->image, rng, out);
    } else {
      transform_.normalize(sample->image, out);
    }
    out += dataset_.image().numel();
  }
  if (samples.empty()) return {};
  const auto count = static_cast<std::int64_t>(samples.size());
  Batch batch{.images = images.slice(0, image_shape(count)), .labels = labels.slice(0, {count})};
  finish(index, std::move(samples), batch);
  if (options_.augment.mixes()) mix(epoch, batch);
  return batch;
}

Batch Loader::collate_dense(const Epoch& epoch, std::int64_t index) const {
  std::vector<Sample> changed;
  std::vector<std::int64_t> samples;
  std::vector<ImageShape> sizes;
  std::vector<Target> originals;
  std::vector<std::int64_t> ids;
  Image buffer;
  for (const std::int64_t i : images_of(epoch, index)) {
    const std::optional<Loaded> sample = readable(epoch, place_of(i), buffer);
    if (!sample) continue;
    samples.push_back(sample->index);
    sizes.push_back(sample->image.shape);
    Rng rng = draws_of(epoch, i);
    changed.push_back(augments_ ? dense_->augment(sample->image, sample->target, rng)
                                : dense_->fit(sample->image, sample->target));
    if (!options_.originals) continue;
    originals.push_back(sample->target);
    ids.push_back(dataset_.sample_id(sample->index));
  }
  if (samples.empty()) return {};
  const ImageSize least{options_.augment.crop[0], options_.augment.crop[1]};
  Batch batch = dense_->collate(changed, dataset_.target_kind(), least, options_.size_multiple);
  finish(index, std::move(samples), batch);
  batch.original_sizes = std::move(sizes);
  batch.originals = std::move(originals);
  batch.ids = std::move(ids);
  return batch;
}

std::int64_t Loader::global(std::int64_t index) const {
  const Share& share = options_.share;
  return share.of_each_batch ? index : index * share.ranks + share.rank;
}

/// Numbers within the epoch of the images that are loaded here of batch `index`.
std::vector<std::int64_t> Loader::images_of(const Epoch& epoch, std::int64_t index) const {
  const std::int64_t first = epoch.offset + global(index) * options_.batch_size;
  std::vector<std::int64_t> images;
  for (const std::int64_t place : places_) {
    if (first + place < dataset_.size()) images.push_back(first + place);
  }
  return images;
}

/// What a batch says of itself.
void Loader::finish(std::int64_t index, std::vector<std::int64_t> samples, Batch& batch) const {
  const bool shared = options_.share.of_each_batch && options_.share.ranks > 1;
  batch.index = global(index);
  batch.samples = std::move(samples);
  batch.whole = shared ? options_.batch_size : batch.size();
  if (shared) batch.places = places_;
}

/// In the order of the epoch, of its image `i`.
std::size_t Loader::place_of(std::int64_t i) const {
  return static_cast<std::size_t>(i / options_.augment.repeats);
}

/// By the sample that was meant: one that stands in for it is changed in another way.
Rng Loader::draws_of(const Epoch& epoch, std::int64_t i) const {
  const std::int64_t repeats = options_.augment.repeats;
  auto repetition = static_cast<std::uint32_t>(i % repeats);
  if (!epoch.times.empty()) {
    repetition += static_cast<std::uint32_t>(repeats) * epoch.times[place_of(i)];
  }
  return {options_.seed, Stream::kAugment, static_cast<std::uint64_t>(epoch.number),
          epoch.order[place_of(i)], repetition};
}

/// Nothing if the sample cannot be read and is to be skipped.
std::optional<Loader::Loaded> Loader::read(std::uint32_t sample, Image& buffer) const {
  {
    const std::lock_guard lock(broken_mutex_);
    if (broken_.contains(sample)) return std::nullopt;
  }
  try {
    const ImageView image = dataset_.read(sample, buffer);
    return Loaded{sample, image, dense_ ? dataset_.target(sample) : Target{}};
  } catch (const DataError& error) {
    if (options_.on_error == OnError::kFail) {
      fail<DataError>(
          "{} (data.on_error: skip leaves such images out; tessera data check names all)",
          error.what());
    }
    const std::lock_guard lock(broken_mutex_);
    if (broken_.insert(sample).second)
      warnings_.push_back(fmt::format("skipped: {}", error.what()));
    return std::nullopt;
  }
}

/// The sample at `place` of the order or what stands in for it.
std::optional<Loader::Loaded> Loader::readable(const Epoch& epoch, std::size_t place,
                                               Image& buffer) const {
  const std::size_t candidates = options_.drop_last ? epoch.order.size() : 1;
  for (std::size_t i = 0; i < candidates; ++i) {
    const std::uint32_t sample = epoch.order[(place + i) % epoch.order.size()];
    if (std::optional<Loaded> loaded = read(sample, buffer)) return loaded;
  }
  if (!options_.drop_last) return std::nullopt;
  fail<DataError>("[loader] none of the {} samples of {} can be read", epoch.order.size(),
                  dataset_.name());
}

void Loader::mix(const Epoch& epoch, Batch& batch) const {
  Rng rng(options_.seed, Stream::kMix, static_cast<std::uint64_t>(epoch.number),
          static_cast<std::uint64_t>(batch.index));
  batch.own_share = mix_images(batch.images, options_.augment, rng);
  const std::span<const std::int32_t> labels = batch.labels.span<std::int32_t>();
  // A block of the full size, as for the labels.
  batch.other_labels = Tensor::empty({most()}, DType::kI32).slice(0, batch.labels.shape());
  std::reverse_copy(labels.begin(), labels.end(), batch.other_labels.data<std::int32_t>());
}

Shape Loader::image_shape(std::int64_t count) const {
  const ImageShape& image = dataset_.image();
  return {count, image.height, image.width, image.channels};  // [B, H, W, C]
}

}  // namespace tessera
