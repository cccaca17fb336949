"""A generative model that drafts titles, captions and alt texts; drafts are stored only when a person saves them.

Qwen2-VL (Wang et al. 2024, arXiv 2409.12191) from `transformers`, without its processor, which requires torchvision
for videos. The prompt is the ChatML of the model card, with one `<|image_pad|>` per merged square of patches.
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
"""Hub ids by the values of `TAGLOOP_WRITER`; both models are Apache-2.0."""

_MAX_PIXELS = 401_408  # 512 image tokens, enough for a description
_MAX_NEW_TOKENS = 200
_MAX_TEXT = 2_000  # characters of the accompanying text
_PATCH = "<|vision_start|>{pads}<|vision_end|>"
_CHAT = "<|im_start|>user\n{picture}{words}<|im_end|>\n<|im_start|>assistant\n"
_LABELS = {"title": r"title|标题", "caption": r"caption|说明", "alt": r"alt(?: text)?|替代文字"}
_PROMPTS = {
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
    """Generates descriptions of pictures, one at a time.

    Args:
        model: A preset, a local folder or a hub id of a Qwen2-VL checkpoint.

    Raises:
        EncoderError: The checkpoint cannot be loaded.
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
            self._images = Qwen2VLImageProcessorPil.from_pretrained(name, max_pixels=_MAX_PIXELS, **options)
            loaded: Any = Qwen2VLForConditionalGeneration.from_pretrained(
                name, dtype=dtype, use_safetensors=True, **options
            )
        except (OSError, ValueError, ImportError) as error:
            raise EncoderError(
                f"The caption model {model!r} cannot be loaded: {str(error).splitlines()[0]} Set TAGLOOP_WRITER to "
                f"one of {', '.join(PRESETS)}, or to a folder with the files of a Qwen2-VL model."
            ) from error
        self._model = loaded.to(self._device).eval()
        self._lock = threading.Lock()

    def write(
        self, image: Image.Image, tags: Sequence[Tag], language: str, *, text: AssetText = NO_TEXT
    ) -> Description:
        """Describe a picture; parts missing from the model's answer are empty.

        Args:
            image: RGB image.
            tags: Accepted tags, part of the prompt.
            language: `en` or `zh`.
            text: Accompanying text, part of the prompt.
        """
        inputs = self._inputs(image, prompt(tags, language, text))
        with self._lock:
            output = self._model.generate(**inputs, max_new_tokens=_MAX_NEW_TOKENS, do_sample=False)
        answer = output[0, inputs["input_ids"].shape[1] :]
        return read_answer(self._tokenizer.decode(answer, skip_special_tokens=True), language)

    def _inputs(self, image: Image.Image, words: str) -> dict[str, Any]:
        patches = self._images(images=[image], return_tensors="pt")
        tokens = int(patches["image_grid_thw"][0].prod()) // self._images.merge_size**2
        chat = _CHAT.format(picture=_PATCH.format(pads="<|image_pad|>" * tokens), words=words)
        encoded = self._tokenizer(chat, return_tensors="pt")
        pads = self._tokenizer.convert_tokens_to_ids("<|image_pad|>")
        inputs = {
            "input_ids": encoded["input_ids"],
            "attention_mask": encoded["attention_mask"],
            "mm_token_type_ids": (encoded["input_ids"] == pads).int(),
            "pixel_values": patches["pixel_values"].to(self._model.dtype),
            "image_grid_thw": patches["image_grid_thw"],
        }
        return {name: value.to(self._device) for name, value in inputs.items()}


class CaptionDrafter:
    """Drafts descriptions of stored pictures.

    Args:
        database: The store of record.
        images: The picture files.
        model: Value of `TAGLOOP_WRITER`: a preset, folder or hub id; empty if there is no model.
    """

    def __init__(self, database: Database, images: ImageFiles, model: str) -> None:
        self._database, self._images, self._model = database, images, model
        self._writer: CaptionModel | None = None
        self._loading = threading.Lock()

    @property
    def available(self) -> bool:
        """Whether a model is configured."""
        return bool(self._model)

    def draft(self, user: User, asset_id: int, language: str = "en") -> Description:
        """Draft a description without storing it.

        Args:
            user: Needs the right to review.
            asset_id: The picture; its accepted tags and accompanying text are part of the prompt.
            language: `en` or `zh`.

        Returns:
            The draft; parts that the model leaves out are generated from the tags and may be empty.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: The picture does not exist.
            SearchError: No model is configured, or the language is not supported.
            EncoderError: The model cannot be loaded.
            PictureError: The stored file is damaged.
            FileNotFoundError: The stored file is missing.
            UnreachableError: The object store does not respond.
        """
        require(user, Action.REVIEW)
        if not self._model:
            known = ", ".join(PRESETS)
            raise SearchError(f"No caption model is set: TAGLOOP_WRITER takes {known} or a folder with Qwen2-VL.")
        with self._database.read() as connection:
            asset = get_asset(connection, asset_id)
            tags = accepted(connection, taxonomy_store.load(connection), [asset_id]).get(asset_id, [])
        default = phrase(tags, language, asset.text)
        image = open_picture(self._images.read(Rendition.ORIGINAL, asset.sha256)).image
        found = self._load().write(image, tags, language, text=asset.text)
        return replace(default, **{part: text for part in _LABELS if (text := getattr(found, part))})

    def _load(self) -> CaptionModel:
        with self._loading:
            if self._writer is None:
                self._writer = CaptionModel(self._model)
            return self._writer


def read_answer(answer: str, language: str) -> Description:
    """Parse the labelled lines of a model's answer; other lines are ignored."""
    found = {}
    for part, label in _LABELS.items():
        match = re.search(rf"^[\s*#-]*(?:{label})[\s*]*[:：][\s*]*(\S.*)$", answer, re.M | re.I)
        if match:
            found[part] = match[1].strip().strip("*").strip()
    return Description(language, **found)


def prompt(tags: Sequence[Tag], language: str, text: AssetText) -> str:
    """Build the prompt for a picture with these tags and this text."""
    task, with_tags, with_text, form = _PROMPTS[language]
    words = text.sentence()[:_MAX_TEXT]
    names = ("、" if language == "zh" else ", ").join(tag.name(language) for tag in tags)
    parts = [task, names and with_tags.format(tags=names), words and with_text.format(text=words), form]
    return "\n".join(part for part in parts if part)
