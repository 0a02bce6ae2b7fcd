// The only place that knows libjpeg-turbo.
#include <csetjmp>
#include <cstddef>
#include <cstdio>

extern "C" {
#include <jerror.h>
#include <jpeglib.h>
}
#ifndef LIBJPEG_TURBO_VERSION
#error "jpeglib.h is not that of libjpeg-turbo: install libjpeg62-turbo-dev"
#endif

#include <array>
#include <cstring>
#include <string>

#include "core/error.h"
#include "data/images/decoders.h"
#include "data/images/image_format.h"

namespace tessera {
namespace {

constexpr int kMaxScans = 500;  // a progressive file has some ten; each is a pass over all pixels
constexpr int kApp1 = JPEG_APP0 + 1;

/// The library reports through functions that must not return after an error. Nothing between
/// setjmp and longjmp has a destructor.
struct Report {
  jpeg_error_mgr base;  ///< first: the library knows the address of the whole by it
  std::jmp_buf jump;
  std::array<char, JMSG_LENGTH_MAX> text;
};

[[noreturn]] void stop(j_common_ptr info) {
  auto* report = reinterpret_cast<Report*>(info->err);
  report->base.format_message(info, report->text.data());
  std::longjmp(report->jump, 1);  // NOLINT(modernize-avoid-setjmp-longjmp)
}

/// Warnings about what stands beside the pixels. All others say that these are damaged.
bool is_harmless(int code) {
  return code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM || code == JWRN_BOGUS_ICC ||
         code == JWRN_TOO_MUCH_DATA;
}

void warn(j_common_ptr info, int level) {
  if (level < 0 && !is_harmless(info->err->msg_code)) stop(info);
}

void count_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  info->err->msg_code = JERR_BAD_PROGRESSION;
  stop(info);
}

class Reader {
 public:
  explicit Reader(const EncodedImage& file) : file_(file) {
    info_.err = jpeg_std_error(&report_.base);
    report_.base.error_exit = stop;
    report_.base.emit_message = warn;
    progress_.progress_monitor = count_scans;
    run([this] { jpeg_create_decompress(&info_); });
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { jpeg_destroy_decompress(&info_); }

  StoredImage read() {
    run([this] {
      info_.progress = &progress_;
      jpeg_save_markers(&info_, kApp1, 0xffff);
      jpeg_mem_src(&info_, file_.bytes.data(), static_cast<unsigned long>(file_.bytes.size()));
      jpeg_read_header(&info_, TRUE);
    });
    // A block of 64 pixels takes a bit or more of a Huffman code, which leaves room for subsampled
    // colour; arithmetic codes may be much shorter.
    check_limits(file_, info_.image_height, info_.image_width, info_.num_components == 4 ? 4 : 3,
                 info_.arith_code != 0 ? 65536.0 : 1024.0);
    const int orientation = find_orientation();
    info_.scale_denom = divisor(orientation >= 5);
    const std::int64_t channels = choose_colors();
    run([this] { jpeg_calc_output_dimensions(&info_); });
    Image image{{info_.output_height, info_.output_width, channels}, {}};
    image.pixels.resize(static_cast<std::size_t>(image.shape.numel()));
    std::uint8_t* const out = image.pixels.data();
    const auto row = static_cast<std::size_t>(image.shape.width * channels);
    run([this, out, row] {
      jpeg_start_decompress(&info_);
      while (info_.output_scanline < info_.output_height) {
        std::uint8_t* at = out + info_.output_scanline * row;
        jpeg_read_scanlines(&info_, &at, 1);
      }
      jpeg_finish_decompress(&info_);  // also reads what comes before the mark of the end
    });
    if (channels == 4) image = from_cmyk(image);
    return {flatten(std::move(image), file_.channels), orientation};
  }

 private:
  template <typename Step>
  void run(const Step& step) {
    if (setjmp(report_.jump) != 0) refuse();  // NOLINT(modernize-avoid-setjmp-longjmp)
    step();
  }

  [[noreturn]] void refuse() const {
    switch (report_.base.msg_code) {
      case JWRN_JPEG_EOF:
      case JERR_INPUT_EMPTY:
      case JERR_INPUT_EOF:
        fail<DataError>("[image] {}: truncated JPEG", file_.name);
      case JERR_NO_IMAGE:
      case JERR_NO_SOI:
        fail<DataError>("[image] {}: damaged JPEG, no picture", file_.name);
      case JERR_BAD_PRECISION:
        fail<DataError>("[image] {}: is a JPEG of {} bits, of which only 8 are read: convert it",
                        file_.name, info_.data_precision);
      case JERR_SOF_UNSUPPORTED:
        fail<DataError>(
            "[image] {}: is a lossless or hierarchical JPEG, which is not read: convert it",
            file_.name);
      case JERR_BAD_PROGRESSION:
        if (info_.input_scan_number <= kMaxScans) break;
        fail<DataError>("[image] {}: damaged JPEG, more than {} scans", file_.name, kMaxScans);
      default:
        break;
    }
    std::string_view text = report_.text.data();
    if (constexpr std::string_view kCorrupt = "Corrupt JPEG data: "; text.starts_with(kCorrupt)) {
      text.remove_prefix(kCorrupt.size());
    }
    fail<DataError>("[image] {}: damaged JPEG: {}", file_.name, text);
  }

  int find_orientation() const {
    for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      if (marker->data_length > 6 && std::memcmp(marker->data, "Exif\0", 6) == 0) {
        return exif_orientation({marker->data, marker->data_length});
      }
    }
    return 1;
  }

  /// 1, 2, 4 or 8: the library has fast transforms for these.
  unsigned divisor(bool is_turned) const {
    const ImageSize& asked = file_.at_least;
    if (asked.height <= 0 || asked.width <= 0) return 1;
    const std::int64_t height = is_turned ? asked.width : asked.height;
    const std::int64_t width = is_turned ? asked.height : asked.width;
    unsigned by = 8;
    while (by > 1 && (info_.image_height < by * height || info_.image_width < by * width)) by /= 2;
    return by;
  }

  /// Channels that the library will give: 1, 3, or 4 for CMYK.
  std::int64_t choose_colors() {
    switch (info_.jpeg_color_space) {
      case JCS_CMYK:
      case JCS_YCCK:
        info_.out_color_space = JCS_CMYK;
        return 4;
      case JCS_GRAYSCALE:
      case JCS_RGB:
      case JCS_YCbCr:
        info_.out_color_space = file_.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
        return file_.channels;
      default:
        fail<DataError>("[image] {}: is a JPEG of {} components, of which 1, 3 or 4 are read",
                        file_.name, info_.num_components);
    }
  }

  /// The inks as Adobe stores them, 255 for none, with or without its marker; as Pillow.
  static Image from_cmyk(const Image& inks) {
    Image image{{inks.shape.height, inks.shape.width, 3}, {}};
    image.pixels.reserve(static_cast<std::size_t>(image.shape.numel()));
    for (std::size_t at = 0; at < inks.pixels.size(); at += 4) {
      const int black = inks.pixels[at + 3];
      for (std::size_t c = 0; c < 3; ++c) {
        const int product = (255 - inks.pixels[at + c]) * black + 128;  // by 255, rounded
        image.pixels.push_back(static_cast<std::uint8_t>(black - ((product >> 8) + product) / 256));
      }
    }
    return image;
  }

  const EncodedImage& file_;
  Report report_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
};

}  // namespace

StoredImage decode_jpeg(const EncodedImage& file) { return Reader(file).read(); }

}  // namespace tessera
