// What a few repetitions say about a mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tessera {

/// A mean with its 95 % confidence interval, `mean - half_width` to `mean + half_width`.
struct Estimate {
  std::int64_t n = 0;
  double mean = 0.0;                 ///< without meaning if n is 0
  std::optional<double> half_width;  ///< none with fewer than two values
  double error = 0.0;                ///< standard error of the mean over the repetitions
  double image_error = 0.0;          ///< standard error over the images tested on; 0: not known
  std::optional<double> p;           ///< of a mean of zero, two-sided: what the interval comes from
  std::optional<double> p_holm{};    ///< the same, by Holm over all comparisons of a metric
  /// What would be left of `image_error` with any number of repetitions: the answers to an image
  /// differ from one to the next. Not known: all of it.
  std::optional<double> image_floor{};

  /// The interval does not include zero.
  bool excludes_zero() const;
};

/// Of `values`, one a repetition, all measured on the same images: that these are a sample adds
/// `image_error`, the standard error of the mean over them. The two are independent, so that the
/// interval is sqrt((t error)^2 + (z image_error)^2) wide to each side, by Student's t with one
/// degree of freedom fewer than values and the normal z. It is what a bootstrap over repetitions
/// and images comes to, without its noise, and honest for two repetitions, of which that makes too
/// much.
Estimate estimate(std::span<const double> values, double image_error = 0.0,
                  std::optional<double> image_floor = std::nullopt);

/// The p of a mean of zero that `estimate.p` holds, from its other figures: the share outside of
/// the interval that just reaches zero. For two repetitions and more.
double p_of_zero(const Estimate& estimate);

/// Standard error of the mean of `values`; 0 of fewer than two.
double standard_error(std::span<const double> values);

/// So many repetitions that spread as these do would show a mean as large as this one; nothing if
/// no number would, because the images are too few, or if there are fewer than two to tell.
std::optional<std::int64_t> repetitions_to_show(const Estimate& estimate);

/// So many repetitions that spread as these do would make an interval of at most `half_width` to
/// each side; nothing as above.
std::optional<std::int64_t> repetitions_for(const Estimate& estimate, double half_width);

/// `p 0.013`, `p < 0.001`
std::string p_text(double p);

/// Holm 1979: of the p of several comparisons, in the same order, those that keep the chance of one
/// false claim or more among all of them at the level they are compared with.
std::vector<double> holm(std::span<const double> p);

/// The t for which a share `p` in (0.5, 1) of Student's distribution lies below; `freedom` >= 1
/// degrees.
double student_t_quantile(double p, std::int64_t freedom);

/// The same of the normal distribution.
double normal_quantile(double p);

}  // namespace tessera
