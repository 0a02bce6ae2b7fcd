#include <fmt/format.h>

#include "report/plot/picture.h"
#include "report/sections.h"

namespace tessera::report {

std::optional<Section> mistakes_section(const RunView& view) {
  if (!view.test || view.test->mistakes.empty()) return std::nullopt;
  Section section{
      "mistakes",
      "Mistakes",
      "The wrong answers the model was surest of, with the probability it gave them and "
      "the name of the test image (tessera data show draws it). Some are the model's mistakes, "
      "some are the data "
      "set's.",
      {}};
  Markup& html = section.body;
  html.open("ul", {{"class", "tiles"}});
  for (const Mistake& mistake : view.test->mistakes) {
    const Image image = image_of(mistake.input, view.saved->config.data);
    const std::string& label = view.class_names[static_cast<std::size_t>(mistake.label)];
    const std::string& answer =
        view.class_names[static_cast<std::size_t>(mistake.answer.predicted)];
    html.open("li");
    add_image(html, picture_of(image.pixels, image.shape),
              view.images->sample_name(mistake.sample));
    html.open("p").text(label).empty("br");
    html.element("span", {{"class", "wrong"}}, "→ " + answer).empty("br");
    html.element("span", {{"class", "soft"}},
                 fmt::format("{} · {}", number_text(mistake.answer.confidence, Unit::kPercent, 1),
                             view.images->sample_name(mistake.sample)));
    html.close().close();
  }
  html.close();
  return section;
}

}  // namespace tessera::report
