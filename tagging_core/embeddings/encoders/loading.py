"""Load SentenceTransformers: safetensors only, no remote code, errors with instructions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagging_core.embeddings.encoders import devices, qwen, weights
from tagging_core.embeddings.encoders.presets import Preset
from tagging_core.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_GME_TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n<|endoftext|>"
)
"""The template GME was trained with (its gme_inference.py); pooling takes the last token, this <|endoftext|>."""


def load_model(preset: Preset, models_dir: Path, device: str, *, compiled: bool = False) -> SentenceTransformer:
    """Load a preset's model onto a device.

    Args:
        models_dir: Used instead of the hub if it has a subfolder with the preset's name.
        device: torch device, such as `cuda:0`.
        compiled: Whether to use torch.compile; takes minutes at first and helps small convolutional models most.

    Raises:
        EncoderError: The weights are missing, incomplete or pickled, or do not fit into memory.
    """
    folder = _folder(preset, models_dir)
    if folder is not None:
        weights.check(folder)
    devices.require_memory(preset, devices.describe(device))
    place = str(folder) if folder is not None else preset.model
    hub: dict[str, Any] = {} if folder is not None else {"revision": preset.revision}
    try:
        model = (
            _gme(preset, place, device, hub=hub)
            if preset.loader == "gme"
            else _native(preset, place, device, hub=hub)
        )
    except Exception as error:  # libraries raise anything on bad files; translate all of it
        raise EncoderError(_explain(preset, folder, models_dir, error=error)) from error
    found = model.get_embedding_dimension()
    if preset.dimension and found != preset.dimension:
        raise EncoderError(
            f"The model in {place} has dimension {found}, but {preset.name} has {preset.dimension}: these are "
            "the files of another model. Use the right ones or set TAGLOOP_ENCODER to the folder's path instead of "
            "the preset's name."
        )
    qwen.optimize(model[0])
    if compiled:
        model.compile(dynamic=True)
    return model.eval()


def download_command(preset: Preset, models_dir: Path) -> str:
    """Return the shell command that downloads a preset's files to the expected folder."""
    return f"hf download {preset.model} --revision {preset.revision} --local-dir {models_dir / preset.name}"


def _folder(preset: Preset, models_dir: Path) -> Path | None:
    """The local folder with a model's files, if there is one."""
    for folder in (Path(preset.model).expanduser(), models_dir / preset.name):
        if folder.is_dir():
            return folder
    return None


def _native(preset: Preset, place: str, device: str, *, hub: dict[str, Any]) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        place,
        device=device,
        trust_remote_code=False,
        model_kwargs=_model_options(device),
        **hub,
    )
    _limit_pixels(model[0], preset)
    if preset.padded:
        module: Any = model[0]
        module.tokenizer.padding_side = "right"
        module.processing_kwargs = {"text": {"padding": "max_length", "max_length": preset.padded}}
    return model


def _gme(preset: Preset, place: str, device: str, *, hub: dict[str, Any]) -> SentenceTransformer:
    """Load GME with the library's Qwen2-VL classes; its remote code does not import under transformers 5."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    transformer: Any = Transformer(
        place,
        model_kwargs=_model_options(device) | hub,
        processor_kwargs=dict(hub),
        config_kwargs=dict(hub),
    )
    _limit_pixels(transformer, preset)
    transformer.processor.chat_template = transformer.processor.tokenizer.chat_template = _GME_TEMPLATE
    pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="lasttoken")
    return SentenceTransformer(modules=[transformer, pooling, Normalize()], device=device)


def _model_options(device: str) -> dict[str, Any]:
    """bf16 and the fastest attention on a GPU; explicit, as several models have float32 weights on the hub."""
    options: dict[str, Any] = {"use_safetensors": True, "dtype": "float32", "attn_implementation": "sdpa"}
    if device != "cpu":
        from transformers.utils.import_utils import is_flash_attn_2_available

        options |= {"dtype": "bfloat16", "device_map": device}
        options |= {"attn_implementation": "flash_attention_2"} if is_flash_attn_2_available() else {}
    return options


def _limit_pixels(module: Any, preset: Preset) -> None:
    """Set the limits after loading: passed to the loader, they go into every call, which is deprecated and slow."""
    if preset.min_pixels:
        images = module.processor.image_processor
        images.size = type(images.size)(shortest_edge=preset.min_pixels, longest_edge=preset.max_pixels)


def _explain(preset: Preset, folder: Path | None, models_dir: Path, *, error: Exception) -> str:
    first = next(iter(str(error).splitlines()), type(error).__name__)
    if "torchvision" in str(error).lower():
        return (
            f"{preset.title} needs torchvision, which is not installed. Start with "
            "`make run-gpu`, which installs requirements-gpu.txt, or use TAGLOOP_ENCODER=siglip2-base, clip or "
            "builtin."
        )
    if "out of memory" in str(error).lower():
        return (
            f"There is not enough memory to load {preset.title}: {first} Choose another device with "
            "TAGLOOP_DEVICES, or a smaller model such as TAGLOOP_ENCODER=siglip2-base or builtin."
        )
    if folder is not None:
        return f"The model in {folder} cannot be loaded: {first} Copy it again, or use TAGLOOP_ENCODER=builtin."
    return (
        f"The model {preset.model!r} is not on this machine and could not be downloaded: {first} On a machine with "
        f"access to the hub or a mirror (HF_ENDPOINT), run\n\n    {download_command(preset, models_dir)}\n\n"
        f"and copy the folder here, or use TAGLOOP_ENCODER=builtin."
    )
