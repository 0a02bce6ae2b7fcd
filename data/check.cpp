#include "data/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "core/checksum.h"
#include "core/error.h"
#include "core/parallel.h"

namespace tessera {
namespace {

constexpr std::int64_t kBlock = 64;  // samples a thread between two looks at the progress

/// What one thread adds up; whole numbers, so that the order does not matter.
struct Sums {
  std::vector<std::int64_t> values;   ///< per channel
  std::vector<std::int64_t> squares;  ///< per channel
  std::int64_t pixels = 0;
  std::vector<std::int64_t> images;  ///< that show a class; of dense data sets
  std::vector<std::int64_t> things;
  std::int64_t without_things = 0;
  std::int64_t ignored = 0;
};

void add(const ImageView& image, Sums& sums) {
  const std::size_t channels = sums.values.size();
  for (std::size_t c = 0; c < channels; ++c) {
    std::int64_t sum = 0, squares = 0;
    for (std::size_t at = c; at < image.pixels.size(); at += channels) {
      sum += image.pixels[at];
      squares += std::int64_t{image.pixels[at]} * image.pixels[at];
    }
    sums.values[c] += sum;
    sums.squares[c] += squares;
  }
  sums.pixels += image.shape.height * image.shape.width;
}

void add(const Target& target, Sums& sums) {
  std::vector<std::int64_t> found(sums.things.size());
  for (const std::uint8_t value : target.mask.classes) {
    value == kIgnored ? ++sums.ignored : ++found[value];
  }
  for (const Box& box : target.boxes) {
    box.crowd ? ++sums.ignored : ++found[static_cast<std::size_t>(box.label)];
  }
  bool is_empty = true;
  for (std::size_t c = 0; c < found.size(); ++c) {
    sums.images[c] += found[c] > 0 ? 1 : 0;
    sums.things[c] += found[c];
    is_empty = is_empty && found[c] == 0;
  }
  sums.without_things += is_empty ? 1 : 0;
}

Normalization normalization_of(const std::vector<Sums>& parts) {
  Normalization measured;
  for (std::size_t c = 0; c < parts.front().values.size(); ++c) {
    std::int64_t sum = 0, squares = 0, pixels = 0;
    for (const Sums& part : parts) {
      sum += part.values[c];
      squares += part.squares[c];
      pixels += part.pixels;
    }
    const auto count = static_cast<double>(std::max<std::int64_t>(1, pixels));
    const double mean = static_cast<double>(sum) / count;
    const double variance = static_cast<double>(squares) / count - mean * mean;
    measured.mean.push_back(static_cast<float>(mean / 255.0));
    measured.std.push_back(static_cast<float>(std::sqrt(std::max(0.0, variance)) / 255.0));
  }
  return measured;
}

/// Never 0, which stands for a sample that cannot be read.
std::uint64_t hash_of(const ImageView& image) {
  const auto shape = static_cast<std::uint64_t>(image.shape.height << 32 | image.shape.width);
  return std::max<std::uint64_t>(1, hash_bytes(image.pixels, shape));
}

struct Reading {
  std::vector<ImageShape> shapes;
  std::vector<std::uint64_t> hashes;
  std::vector<Glance> glances;
  std::vector<std::string> errors;
  std::vector<std::vector<Box>> boxes;
  std::vector<Sums> sums;  ///< a thread each
};

void read_sample(const Dataset& dataset, std::int64_t i, Image& buffer, Reading& reading,
                 Sums& sums) {
  const auto at = static_cast<std::size_t>(i);
  try {
    const ImageView image = dataset.read(i, buffer);
    if (!sums.things.empty()) {
      Target target = dataset.target(i);
      add(target, sums);
      if (!reading.boxes.empty()) reading.boxes[at] = std::move(target.boxes);
    }
    add(image, sums);
    reading.shapes[at] = image.shape;
    reading.hashes[at] = hash_of(image);
    reading.glances[at] = glance_at(image);
  } catch (const DataError& error) {
    reading.errors[at] = error.what();
  }
}

Reading read_all(const Dataset& dataset, const std::function<void(std::int64_t)>& progress) {
  const auto size = static_cast<std::size_t>(dataset.size());
  const auto channels = static_cast<std::size_t>(dataset.image().channels);
  Reading reading{std::vector<ImageShape>(size),
                  std::vector<std::uint64_t>(size),
                  std::vector<Glance>(size),
                  std::vector<std::string>(size),
                  {},
                  {}};
  if (dataset.target_kind() == TargetKind::kBoxes) reading.boxes.resize(size);
  reading.sums.assign(
      static_cast<std::size_t>(num_threads()),
      {std::vector<std::int64_t>(channels), std::vector<std::int64_t>(channels), 0, {}, {}});
  if (dataset.target_kind() != TargetKind::kClass) {
    const auto classes = static_cast<std::size_t>(dataset.num_classes());
    for (Sums& sums : reading.sums) {
      sums.images.resize(classes);
      sums.things.resize(classes);
    }
  }
  const std::int64_t block = kBlock * num_threads();
  for (std::int64_t first = 0; first < dataset.size(); first += block) {
    const std::int64_t count = std::min(block, dataset.size() - first);
    parallel_parts(count, 1, [&](int part, std::int64_t begin, std::int64_t end) {
      Image buffer;
      for (std::int64_t i = begin; i < end; ++i) {
        read_sample(dataset, first + i, buffer, reading,
                    reading.sums[static_cast<std::size_t>(part)]);
      }
    });
    if (progress) progress(first + count);
  }
  return reading;
}

std::array<std::int64_t, 3> spread_of(std::vector<std::int64_t> sides) {
  if (sides.empty()) return {};
  std::sort(sides.begin(), sides.end());
  return {sides.front(), sides[sides.size() / 2], sides.back()};
}

void find_duplicates(const Dataset& dataset, DataReport& report) {
  std::unordered_map<std::uint64_t, std::int64_t> first;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::uint64_t hash = report.pixel_hashes[static_cast<std::size_t>(i)];
    if (hash == 0) continue;
    const auto [found, is_new] = first.emplace(hash, i);
    if (is_new) continue;
    ++report.duplicates;
    if (dataset.target_kind() != TargetKind::kClass) continue;
    if (dataset.label(found->second) != dataset.label(i)) {
      report.conflicts.push_back({i, found->second});
    }
  }
}

}  // namespace

DataReport check_dataset(const Dataset& dataset,
                         const std::function<void(std::int64_t)>& progress) {
  Reading reading = read_all(dataset, progress);
  DataReport report;
  report.samples = dataset.size();
  report.class_counts.resize(static_cast<std::size_t>(dataset.num_classes()));
  std::vector<std::int64_t> heights, widths;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (dataset.target_kind() == TargetKind::kClass) {
      ++report.class_counts[static_cast<std::size_t>(dataset.label(i))];
    }
    if (reading.hashes[at] == 0) {
      report.unreadable.push_back({i, std::move(reading.errors[at])});
      continue;
    }
    heights.push_back(reading.shapes[at].height);
    widths.push_back(reading.shapes[at].width);
  }
  report.things.resize(reading.sums.front().things.size());
  for (const Sums& sums : reading.sums) {
    for (std::size_t c = 0; c < sums.things.size(); ++c) {
      report.class_counts[c] += sums.images[c];
      report.things[c] += sums.things[c];
    }
    report.without_things += sums.without_things;
    report.ignored += sums.ignored;
  }
  for (std::size_t c = 0; c < report.class_counts.size(); ++c) {
    if (report.class_counts[c] == 0) report.empty_classes.push_back(dataset.class_names()[c]);
  }
  report.heights = spread_of(std::move(heights));
  report.widths = spread_of(std::move(widths));
  report.measured = normalization_of(reading.sums);
  report.pixel_hashes = std::move(reading.hashes);
  report.glances = std::move(reading.glances);
  report.boxes = std::move(reading.boxes);
  report.shapes = std::move(reading.shapes);
  find_duplicates(dataset, report);
  report.hash = dataset.fingerprint();
  return report;
}

std::vector<std::array<std::int64_t, 2>> near_samples(const DataReport& report,
                                                      const DataReport& other) {
  std::vector<std::array<std::int64_t, 2>> near =
      &report == &other ? near_duplicates(report.glances)
                        : near_duplicates(report.glances, other.glances);
  std::erase_if(near, [&](const auto& pair) {
    return report.pixel_hashes[static_cast<std::size_t>(pair[0])] ==
           other.pixel_hashes[static_cast<std::size_t>(pair[1])];
  });
  return near;
}

std::vector<std::array<std::int64_t, 2>> shared_samples(const DataReport& report,
                                                        const DataReport& other) {
  std::unordered_map<std::uint64_t, std::int64_t> first;
  for (std::int64_t i = 0; i < other.samples; ++i) {
    first.emplace(other.pixel_hashes[static_cast<std::size_t>(i)], i);
  }
  std::vector<std::array<std::int64_t, 2>> shared;
  for (std::int64_t i = 0; i < report.samples; ++i) {
    const std::uint64_t hash = report.pixel_hashes[static_cast<std::size_t>(i)];
    const auto found = hash == 0 ? first.end() : first.find(hash);
    if (found != first.end()) shared.push_back({i, found->second});
  }
  return shared;
}

}  // namespace tessera
