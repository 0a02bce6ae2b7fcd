// Event files, read by a reader of the test's own.
#include "formats/tensorboard/event_file.h"

#include <limits>

#include "core/error.h"
#include "tests/support/event_reader.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using tensorboard::EventFile;
using tensorboard::Histogram;
using tensorboard::Summary;
using test::EventLog;
using test::EventValue;
using test::ScratchFolder;

TEST_CASE("masked_crc32c: the check value of the polynomial, and none") {
  const auto unmasked = [](std::uint32_t masked) {
    const std::uint32_t turned = masked - 0xa282ead8u;
    return turned << 15 | turned >> 17;
  };
  CHECK(unmasked(tensorboard::masked_crc32c("123456789")) == 0xe3069283u);
  CHECK(unmasked(tensorboard::masked_crc32c(std::string(32, '\0'))) == 0x8a9136aau);  // RFC 3720
  CHECK(unmasked(tensorboard::masked_crc32c("")) == 0u);
  CHECK(tensorboard::masked_crc32c("123456789") == test::slow_masked_crc32c("123456789"));
}

TEST_CASE("event file: every kind of value comes back") {
  const ScratchFolder folder;
  const std::vector<float> values = {-1.0f, 0.0f, 0.5f, 3.0f};
  const std::vector<std::span<const float>> parts = {values};
  {
    EventFile file(folder / "tb", 0);
    Summary summary;
    summary.scalar("loss", 1.25);
    summary.image("image", {3, 2, 4}, std::string("\x89PNG\0", 5));
    summary.histogram("weights", tensorboard::histogram_of(parts, 2.0f));
    file.append(7, summary);
    Summary text;
    text.text("config", "```yaml\na: 1\n```\n");
    file.append(-3, text);
    file.sync();
  }
  const EventLog log = test::read_events(folder / "tb");
  CHECK(log.versions == std::vector<std::string>{"brain.Event:2"});
  CHECK(log.starts == std::vector<std::int64_t>{1});
  CHECK(log.values.at("loss")[0].scalar == 1.25f);
  const EventValue& image = log.values.at("image")[0];
  CHECK(image.step == 7);
  CHECK(image.height == 3);
  CHECK(image.width == 2);
  CHECK(image.png == std::string("\x89PNG\0", 5));
  const EventValue& histogram = log.values.at("weights")[0];
  CHECK(histogram.min == -2.0);
  CHECK(histogram.max == 6.0);
  CHECK(histogram.count == 4.0);
  CHECK(histogram.sum == 5.0);
  CHECK(histogram.sum_squares == 41.0);
  CHECK(histogram.limits.size() == histogram.counts.size());
  CHECK(histogram.limits.back() == 6.0);
  const EventValue& text = log.values.at("config")[0];
  CHECK(text.step == -3);
  CHECK(text.text == "```yaml\na: 1\n```\n");
  CHECK(text.plugin == "text");
}

TEST_CASE("event file: cut at a step, files and torn records behind it gone") {
  const ScratchFolder folder;
  const fs::path tb = folder / "tb";
  const auto write = [&](std::int64_t first, std::int64_t last) {
    EventFile file(tb, first - 1);
    for (std::int64_t step = first; step <= last; ++step) {
      Summary summary;
      summary.scalar("loss", static_cast<double>(step));
      file.append(step, summary);
    }
    file.sync();
  };
  const auto files = [&] { return std::distance(fs::directory_iterator(tb), {}); };
  tensorboard::truncate_events(tb, 3);  // nothing there is nothing to do
  CHECK(!fs::exists(tb));

  write(1, 6);
  const fs::path first = fs::directory_iterator(tb)->path();
  std::string bytes = test::read_text(first);
  test::write_text(first, bytes + bytes.substr(0, 30));  // a record torn by a crash
  tensorboard::truncate_events(tb, 100);
  CHECK(test::read_text(first) == bytes);
  bytes[bytes.size() - 6] = static_cast<char>(~bytes[bytes.size() - 6]);  // in the last record
  test::write_text(first, bytes);
  tensorboard::truncate_events(tb, 100);
  CHECK(test::read_events(tb).steps("loss") == std::vector<std::int64_t>{1, 2, 3, 4, 5});

  tensorboard::truncate_events(tb, 4);
  write(5, 8);
  CHECK(files() == 2);
  tensorboard::truncate_events(tb, 4);
  CHECK(files() == 1);
  write(5, 6);
  const EventLog log = test::read_events(tb);
  CHECK(log.steps("loss") == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  CHECK(log.starts == std::vector<std::int64_t>{1, 5});
  tensorboard::truncate_events(tb, 0);
  CHECK(files() == 0);
}

TEST_CASE("event file: a folder that cannot be made is an error of one line") {
  const ScratchFolder folder;
  test::write_text(folder / "tb", "a file");
  const std::string text = test::error_of<CheckpointError>([&] { EventFile(folder / "tb", 0); });
  CAPTURE(text);
  CHECK(text.ends_with("tb: File exists"));
}

TEST_CASE("histogram: parts of equal width, all values counted once") {
  std::vector<float> values;
  for (int i = 0; i <= 600; ++i) values.push_back(static_cast<float>(i));
  values.push_back(std::numeric_limits<float>::quiet_NaN());
  values.push_back(-std::numeric_limits<float>::infinity());
  const std::vector<std::span<const float>> parts = {{values.data(), 100},
                                                     {values.data() + 100, values.size() - 100}};
  const Histogram histogram = tensorboard::histogram_of(parts);
  REQUIRE(histogram.counts.size() == Histogram::kBuckets);
  for (std::size_t i = 0; i + 1 < histogram.counts.size(); ++i) {
    CHECK(histogram.limits[i] == 10.0 * static_cast<double>(i + 1));
    CHECK(histogram.counts[i] == 10.0);
  }
  CHECK(histogram.counts.back() == 11.0);  // with the largest of all

  const std::vector<float> same(5, 0.25f);
  const std::vector<std::span<const float>> one = {same};
  CHECK(tensorboard::histogram_of(one).limits == std::vector<double>{0.25});
  CHECK(tensorboard::histogram_of(one).counts == std::vector<double>{5.0});
  CHECK(tensorboard::histogram_of({}).counts.empty());
}

}  // namespace
}  // namespace tessera
