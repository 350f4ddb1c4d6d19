"""Where the network looked, over the picture: asked for by keyboard, and exactly upon it."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]
PICTURE = """img => {
  const box = img.getBoundingClientRect();
  const scale = Math.min(box.width / img.naturalWidth, box.height / img.naturalHeight);
  const [width, height] = [img.naturalWidth * scale, img.naturalHeight * scale];
  return {x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height};
}"""
ALPHA = """(canvas, [x, y]) => canvas.getContext("2d")
  .getImageData(x * canvas.width, y * canvas.height, 1, 1).data[3]"""

OPACITY = "canvas => getComputedStyle(canvas).opacity"


def aligned(page) -> bool:
    """Return whether the map lies upon the picture, to the pixel."""
    picture = page.locator("#picture img").evaluate(PICTURE)
    box = page.locator("#picture canvas").bounding_box()
    return all(abs(box[side] - picture[side]) < 1 for side in picture) and box["width"] > 100


def turned_on(visitor, world):
    """Return the page with the map, switched on by keyboard."""
    page = visitor.page
    visitor.become(world["sessions"]["full.reviewer"])
    visitor.go("/studies/{study_mapped}".format(**world["paths"]))
    expect(page.get_by_label("Show where")).not_to_be_checked()
    expect(page.get_by_label("Opacity")).to_be_disabled()
    expect(page.locator("#picture canvas")).to_have_count(0)
    page.get_by_label("Show where").focus()
    page.keyboard.press("Space")
    expect(page.locator("#picture canvas")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#picture img').naturalWidth > 0")
    page.wait_for_function(f"() => ({ALPHA})(document.querySelector('canvas'), [.2, .1]) > 200")
    return page


@pytest.mark.parametrize("size", ["1440", "820"])
def test_the_map_is_off_comes_by_keyboard_and_lies_upon_the_picture(size, world, visit):
    with visit(size=size) as visitor:
        page = turned_on(visitor, world)
        canvas = page.locator("#picture canvas")
        assert canvas.evaluate(ALPHA, [0.8, 0.8]) == 0
        assert aligned(page)
        visitor.shot(f"map-{size}")
        before = float(canvas.evaluate(OPACITY))
        page.keyboard.press("Tab")
        expect(page.get_by_label("Opacity")).to_be_focused()
        page.keyboard.press("ArrowRight")
        assert float(canvas.evaluate(OPACITY)) == pytest.approx(before + 0.05)
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        expect(canvas).to_be_hidden()


def test_the_map_follows_the_picture_and_is_not_printed(world, visit):
    with visit() as visitor:
        page = turned_on(visitor, world)
        canvas = page.locator("#picture canvas")
        page.get_by_role("link", name="Darker").click()  # the picture is swapped
        page.wait_for_url("**width=**")
        expect(canvas).to_be_visible()
        expect(page.get_by_label("Show where")).to_be_checked()
        page.get_by_label("Actual pixels").check()
        expect(page.locator("#picture img:not([data-busy])")).to_be_visible()
        page.wait_for_function(f"() => ({ALPHA})(document.querySelector('canvas'), [.2, .1]) > 200")
        assert aligned(page)
        page.emulate_media(media="print")
        expect(canvas).to_be_hidden()
        expect(page.get_by_text("Where, not why")).to_be_hidden()


def test_the_map_of_an_image_is_laid_over_that_image_alone(world, visit):
    with visit() as visitor:
        page = turned_on(visitor, world)
        canvas = page.locator("#picture canvas")
        page.get_by_role("link", name="Image 2").click()
        expect(page.get_by_text("Choose this image to show it there.")).to_be_visible()
        expect(page.get_by_label("Show where")).to_be_hidden()
        expect(canvas).to_have_count(0)
        page.get_by_role("link", name="Image 1").click()
        expect(canvas).to_be_visible()
        assert aligned(page)
