#include "formats/tensorboard/summary.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <protozero/pbf_writer.hpp>

namespace tessera::tensorboard {

Histogram histogram_of(std::span<const std::span<const float>> parts, float scale) {
  Histogram histogram;
  double count = 0.0;
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (const std::span<const float> part : parts) {
    for (const float plain : part) {
      const float value = plain * scale;
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
      histogram.sum += double{value};
      histogram.sum_squares += double{value} * double{value};
      count += 1.0;
    }
  }
  if (count == 0.0) return histogram;
  histogram.min = double{low};
  histogram.max = double{high};
  const double width = (histogram.max - histogram.min) / Histogram::kBuckets;
  if (!(width > 0.0)) {
    histogram.limits = {histogram.max};
    histogram.counts = {count};
    return histogram;
  }
  for (int i = 1; i < Histogram::kBuckets; ++i) {
    histogram.limits.push_back(histogram.min + width * i);
  }
  histogram.limits.push_back(histogram.max);
  histogram.counts.assign(Histogram::kBuckets, 0.0);
  const double per_width = 1.0 / width;
  for (const std::span<const float> part : parts) {
    for (const float plain : part) {
      const float value = plain * scale;
      if (!std::isfinite(value)) continue;
      const auto bucket = static_cast<std::size_t>((double{value} - histogram.min) * per_width);
      histogram.counts[std::min<std::size_t>(bucket, Histogram::kBuckets - 1)] += 1.0;
    }
  }
  return histogram;
}

namespace {

using protozero::pbf_tag_type;
using protozero::pbf_writer;

// Field numbers of summary.proto, histogram.proto and tensor.proto.
constexpr pbf_tag_type kValue = 1;
namespace value {
constexpr pbf_tag_type kTag = 1, kScalar = 2, kImage = 4, kHistogram = 5, kTensor = 8,
                       kMetadata = 9;
}
namespace image_field {
constexpr pbf_tag_type kHeight = 1, kWidth = 2, kChannels = 3, kPng = 4;
}
namespace histogram_field {
constexpr pbf_tag_type kMin = 1, kMax = 2, kCount = 3, kSum = 4, kSumSquares = 5, kLimits = 6,
                       kCounts = 7;
}
namespace metadata {
constexpr pbf_tag_type kPlugin = 1, kPluginName = 1, kPluginContent = 2;
}
// Of plugins/hparams/plugin_data.proto and google/protobuf/struct.proto.
namespace hyperparameters_field {
constexpr pbf_tag_type kVersion = 1, kStart = 3, kSettings = 1, kKey = 1, kValue = 2;
}
namespace any_value {
constexpr pbf_tag_type kNumber = 2, kText = 3, kTruth = 4;
}
namespace tensor {
constexpr pbf_tag_type kType = 1, kShape = 2, kString = 8;
constexpr std::int32_t kTypeString = 7;
}  // namespace tensor

}  // namespace

void Summary::scalar(std::string_view tag, double number) {
  pbf_writer writer(bytes_);
  pbf_writer to(writer, kValue);
  to.add_string(value::kTag, tag.data(), tag.size());
  to.add_float(value::kScalar, static_cast<float>(number));
}

void Summary::image(std::string_view tag, const ImageShape& shape, std::string_view png) {
  pbf_writer writer(bytes_);
  pbf_writer to(writer, kValue);
  to.add_string(value::kTag, tag.data(), tag.size());
  pbf_writer image(to, value::kImage);
  image.add_int32(image_field::kHeight, static_cast<std::int32_t>(shape.height));
  image.add_int32(image_field::kWidth, static_cast<std::int32_t>(shape.width));
  image.add_int32(image_field::kChannels, static_cast<std::int32_t>(shape.channels));
  image.add_bytes(image_field::kPng, png.data(), png.size());
}

void Summary::histogram(std::string_view tag, const Histogram& histogram) {
  pbf_writer writer(bytes_);
  pbf_writer to(writer, kValue);
  to.add_string(value::kTag, tag.data(), tag.size());
  pbf_writer out(to, value::kHistogram);
  out.add_double(histogram_field::kMin, histogram.min);
  out.add_double(histogram_field::kMax, histogram.max);
  out.add_double(histogram_field::kCount,
                 std::accumulate(histogram.counts.begin(), histogram.counts.end(), 0.0));
  out.add_double(histogram_field::kSum, histogram.sum);
  out.add_double(histogram_field::kSumSquares, histogram.sum_squares);
  out.add_packed_double(histogram_field::kLimits, histogram.limits.begin(), histogram.limits.end());
  out.add_packed_double(histogram_field::kCounts, histogram.counts.begin(), histogram.counts.end());
}

void Summary::hyperparameters(std::span<const std::pair<std::string, std::string>> settings) {
  namespace field = hyperparameters_field;
  std::string content;
  {
    pbf_writer data(content);
    data.add_int32(field::kVersion, 0);
    pbf_writer start(data, field::kStart);
    for (const auto& [name, text] : settings) {
      pbf_writer entry(start, field::kSettings);
      entry.add_string(field::kKey, name);
      pbf_writer value(entry, field::kValue);
      double number = 0.0;
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data(), end, number);
      if (error == std::errc{} && stop == end) {
        value.add_double(any_value::kNumber, number);
      } else if (text == "true" || text == "false") {
        value.add_bool(any_value::kTruth, text == "true");
      } else {
        value.add_string(any_value::kText, text);
      }
    }
  }
  pbf_writer writer(bytes_);
  pbf_writer to(writer, kValue);
  to.add_string(value::kTag, "_hparams_/session_start_info");
  pbf_writer about(to, value::kMetadata);
  pbf_writer plugin(about, metadata::kPlugin);
  plugin.add_string(metadata::kPluginName, "hparams");
  plugin.add_bytes(metadata::kPluginContent, content);
}

void Summary::text(std::string_view tag, std::string_view markdown) {
  pbf_writer writer(bytes_);
  pbf_writer to(writer, kValue);
  to.add_string(value::kTag, tag.data(), tag.size());
  {
    pbf_writer text(to, value::kTensor);
    text.add_enum(tensor::kType, tensor::kTypeString);
    text.add_message(tensor::kShape, std::string());  // a scalar
    text.add_bytes(tensor::kString, markdown.data(), markdown.size());
  }
  pbf_writer about(to, value::kMetadata);
  pbf_writer(about, metadata::kPlugin).add_string(metadata::kPluginName, "text");
}

}  // namespace tessera::tensorboard
