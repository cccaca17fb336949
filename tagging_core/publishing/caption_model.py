"""A generative model that drafts titles, captions and alt texts; what it says is kept only when a person saves it.

Qwen2-VL (Wang et al. 2024, arXiv 2409.12191) in its own classes of `transformers`, without its processor: that one
wants torchvision for videos. The prompt is the ChatML of the model's card, a picture one `<|image_pad|>` for each
square of patches that its network merges into one token.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from tagging_core.assets.decoding import open_picture
from tagging_core.assets.files import ImageFiles, Rendition
from tagging_core.assets.repository import NO_TEXT, AssetText
from tagging_core.assets.repository import get as get_asset
from tagging_core.common.users import Action, User, require
from tagging_core.errors import EncoderError, SearchError
from tagging_core.ledger import taxonomy_store
from tagging_core.publishing.caption_templates import Description, phrase
from tagging_core.publishing.captions import accepted
from tagging_core.storage import Database
from tagging_core.taxonomy.model import Tag

PRESETS = {"qwen2-vl-2b": "Qwen/Qwen2-VL-2B-Instruct", "qwen2-vl-7b": "Qwen/Qwen2-VL-7B-Instruct"}
"""Hub ids by the name that `TAGLOOP_WRITER` says; both models are Apache-2.0."""

_PIXELS = 401_408  # 512 tokens: a description needs no more
_TOKENS = 200
_TEXT_MOST = 2_000  # letters of the text that came with a picture
_PATCH = "<|vision_start|>{pads}<|vision_end|>"
_CHAT = "<|im_start|>user\n{picture}{words}<|im_end|>\n<|im_start|>assistant\n"
_LINES = {"title": r"title|标题", "caption": r"caption|说明", "alt": r"alt(?: text)?|替代文字"}
_ASKED = {
    "en": (
        "Describe this picture for the readers of a picture archive.",
        "It has these tags: {tags}.",
        "This text came with it: {text}",
        "Answer in English, in three lines and nothing else.\n"
        "Title: a few words without a full stop\n"
        "Caption: one or two sentences\n"
        "Alt: one sentence on what is to be seen, at most 140 letters",
    ),
    "zh": (
        "请为图片库的读者描述这张图片。",
        "它的标签：{tags}。",
        "随图文字：{text}",
        "请用中文回答，只写三行。\n标题：几个词，不加句号\n说明：一两句话\n替代文字：用一句话说明画面内容，不超过60字",
    ),
}


class CaptionModel:
    """Writes about pictures, one at a time.

    Args:
        model: A preset, a local folder or a hub id of a Qwen2-VL checkpoint.

    Raises:
        EncoderError: It cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        import torch
        from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil

        name = PRESETS.get(model, model)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if self._device == "cuda" else torch.float32
        options: dict[str, Any] = {"trust_remote_code": False}
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(name, **options)
            self._images = Qwen2VLImageProcessorPil.from_pretrained(name, max_pixels=_PIXELS, **options)
            loaded: Any = Qwen2VLForConditionalGeneration.from_pretrained(
                name, dtype=dtype, use_safetensors=True, **options
            )
        except (OSError, ValueError, ImportError) as error:
            raise EncoderError(
                f"The writer {model!r} cannot be loaded: {str(error).splitlines()[0]} Set TAGLOOP_WRITER to one of "
                f"{', '.join(PRESETS)}, or to a folder with the files of a Qwen2-VL model."
            ) from error
        self._model = loaded.to(self._device).eval()
        self._turn = threading.Lock()

    def write(
        self, image: Image.Image, tags: Sequence[Tag], language: str, text: AssetText = NO_TEXT
    ) -> Description:
        """Describe a picture; parts that the model left out are empty.

        Args:
            image: RGB.
            tags: That it has; they are told to the model.
            language: `en` or `zh`.
            text: What came with it, told as well.
        """
        inputs = self._inputs(image, prompt(tags, language, text))
        with self._turn:
            found = self._model.generate(**inputs, max_new_tokens=_TOKENS, do_sample=False)
        said = found[0, inputs["input_ids"].shape[1] :]
        return read_answer(self._tokenizer.decode(said, skip_special_tokens=True), language)

    def _inputs(self, image: Image.Image, words: str) -> dict[str, Any]:
        seen = self._images(images=[image], return_tensors="pt")
        tokens = int(seen["image_grid_thw"][0].prod()) // self._images.merge_size**2
        chat = _CHAT.format(picture=_PATCH.format(pads="<|image_pad|>" * tokens), words=words)
        asked = self._tokenizer(chat, return_tensors="pt")
        pads = self._tokenizer.convert_tokens_to_ids("<|image_pad|>")
        inputs = {
            "input_ids": asked["input_ids"],
            "attention_mask": asked["attention_mask"],
            "mm_token_type_ids": (asked["input_ids"] == pads).int(),
            "pixel_values": seen["pixel_values"].to(self._model.dtype),
            "image_grid_thw": seen["image_grid_thw"],
        }
        return {name: value.to(self._device) for name, value in inputs.items()}


class CaptionDrafter:
    """Drafts descriptions of one installation's pictures.

    Args:
        database: Knows tags and texts.
        images: The picture files.
        model: A preset, folder or hub id, as `TAGLOOP_WRITER` names it; empty if there is none.
    """

    def __init__(self, database: Database, images: ImageFiles, model: str) -> None:
        self._database, self._images, self._model = database, images, model
        self._writer: CaptionModel | None = None
        self._loading = threading.Lock()

    @property
    def available(self) -> bool:
        """Whether a model is set."""
        return bool(self._model)

    def draft(self, user: User, asset_id: int, language: str = "en") -> Description:
        """What the model would write; what it leaves out is phrased from tags. Nothing is kept.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: There is no such picture.
            SearchError: No model is set, or there are no descriptions in that language.
            EncoderError: The model cannot be loaded.
        """
        require(user, Action.REVIEW)
        if not self._model:
            known = ", ".join(PRESETS)
            raise SearchError(f"No model writes here: set TAGLOOP_WRITER to {known} or a folder with Qwen2-VL.")
        with self._database.read() as connection:
            asset = get_asset(connection, asset_id)
            tags = accepted(connection, taxonomy_store.load(connection), [asset_id]).get(asset_id, [])
        usual = phrase(tags, language, asset.text)
        image = open_picture(self._images.read(Rendition.ORIGINAL, asset.sha256)).image
        found = self._load().write(image, tags, language, asset.text)
        return replace(usual, **{part: said for part in _LINES if (said := getattr(found, part))})

    def _load(self) -> CaptionModel:
        with self._loading:
            if self._writer is None:
                self._writer = CaptionModel(self._model)
            return self._writer


def read_answer(answer: str, language: str) -> Description:
    """The parts of a model's answer, whatever else it says."""
    found = {}
    for part, label in _LINES.items():
        match = re.search(rf"^[\s*#-]*(?:{label})[\s*]*[:：][\s*]*(\S.*)$", answer, re.M | re.I)
        if match:
            found[part] = match[1].strip().strip("*").strip()
    return Description(language, **found)


def prompt(tags: Sequence[Tag], language: str, text: AssetText) -> str:
    """What a model is asked about a picture."""
    first, tagged, came, last = _ASKED[language]
    said = text.sentence()[:_TEXT_MOST]
    names = ("、" if language == "zh" else ", ").join(tag.name(language) for tag in tags)
    parts = [first, tagged.format(tags=names) if names else "", came.format(text=said) if said else "", last]
    return "\n".join(part for part in parts if part)
