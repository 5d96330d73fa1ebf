#include "common/model/pretrained_conventions.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace tributary {
namespace {

using enum TakeStep;

constexpr absl::string_view kQueryNorm = "a norm of queries and keys";
constexpr absl::string_view kGatedMlp = "a gated MLP";
constexpr absl::string_view kRelative = "relative positions";
constexpr absl::string_view kRotary = "rotary positions";
constexpr absl::string_view kNormBefore = "a norm before the first block";
constexpr absl::string_view kAverages =
    "the file's model averages the patches before its last norm, this one reads the class token";

// timm's ViTs, and those of DINO, DINOv2, MAE and DeiT as their authors published them.
constexpr TakeRule kTimmOuter[] = {
    {"cls_token", kTake, "embeddings.0.cls_token"},
    {"pos_embed", kTake, "embeddings.0.pos_embed"},
    {"patch_embed.proj.*", kTake, "embeddings.0.embed.proj.*"},
    {"norm.*", kTake, "norm.*"},
    {"fc_norm.*", kInstead, "norm.*", kAverages},
    {"reg_token", kExtraToken},
    {"register_tokens", kExtraToken},
    {"dist_token", kExtraToken},
    {"mask_token", kLeftOut},
    {"norm_pre.*", kCannotBeComputed, "", kNormBefore},
    {"patch_embed.norm.*", kCannotBeComputed, "", kNormBefore},
    {"rope.*", kCannotBeComputed, "", kRotary},
    {"rope_embed.*", kCannotBeComputed, "", kRotary},
    {"rel_pos_bias.*", kCannotBeComputed, "", kRelative},
};
constexpr absl::string_view kTimmBlocks[] = {"blocks.#."};
constexpr TakeRule kTimmBlock[] = {
    {"norm1.*", kTake, "norm1.*"},
    {"norm2.*", kTake, "norm2.*"},
    {"attn.qkv.*", kTake, "attn.qkv.*"},
    {"attn.proj.*", kTake, "attn.proj.*"},
    {"mlp.fc1.*", kTake, "mlp.fc1.*"},
    {"mlp.fc2.*", kTake, "mlp.fc2.*"},
    {"ls1.gamma", kScale, "attn.proj"},
    {"ls2.gamma", kScale, "mlp.fc2"},
    {"gamma_1", kScale, "attn.proj"},
    {"gamma_2", kScale, "mlp.fc2"},
    // BEiT's keys have no bias.
    {"attn.q_bias", kQuery, "attn.qkv.bias"},
    {"attn.v_bias", kValue, "attn.qkv.bias"},
    {"attn.q_norm.*", kCannotBeComputed, "", kQueryNorm},
    {"attn.k_norm.*", kCannotBeComputed, "", kQueryNorm},
    {"attn.relative_position*", kCannotBeComputed, "", kRelative},
    {"attn.norm.*", kCannotBeComputed, "", "a norm inside the attention"},
    {"mlp.norm.*", kCannotBeComputed, "", "a norm inside the MLP"},
    {"mlp.w1*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.w2*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.w3*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.fc1_g.*", kCannotBeComputed, "", kGatedMlp},
};

// Hugging Face's ViT, DeiT, BEiT and DINOv2, before and since version 5 of transformers.
constexpr TakeRule kHuggingFaceOuter[] = {
    {"embeddings.cls_token", kTake, "embeddings.0.cls_token"},
    {"embeddings.position_embeddings", kTake, "embeddings.0.pos_embed"},
    {"embeddings.patch_embeddings.projection.*", kTake, "embeddings.0.embed.proj.*"},
    {"layernorm.*", kTake, "norm.*"},
    {"embeddings.register_tokens", kExtraToken},
    {"embeddings.distillation_token", kExtraToken},
    {"embeddings.mask_token", kLeftOut},
    {"pooler.layernorm.*", kInstead, "norm.*", kAverages},
    {"encoder.relative_position_bias.*", kCannotBeComputed, "", kRelative},
};
constexpr absl::string_view kHuggingFaceBlocks[] = {"encoder.layer.#.", "layers.#."};
constexpr TakeRule kHuggingFaceBlock[] = {
    {"layernorm_before.*", kTake, "norm1.*"},
    {"layernorm_after.*", kTake, "norm2.*"},
    {"norm1.*", kTake, "norm1.*"},
    {"norm2.*", kTake, "norm2.*"},
    {"attention.attention.query.*", kQuery, "attn.qkv.*"},
    {"attention.attention.key.*", kKey, "attn.qkv.*"},
    {"attention.attention.value.*", kValue, "attn.qkv.*"},
    {"attention.q_proj.*", kQuery, "attn.qkv.*"},
    {"attention.k_proj.*", kKey, "attn.qkv.*"},
    {"attention.v_proj.*", kValue, "attn.qkv.*"},
    {"attention.output.dense.*", kTake, "attn.proj.*"},
    {"attention.o_proj.*", kTake, "attn.proj.*"},
    {"intermediate.dense.*", kTake, "mlp.fc1.*"},
    {"output.dense.*", kTake, "mlp.fc2.*"},
    {"mlp.fc1.*", kTake, "mlp.fc1.*"},
    {"mlp.fc2.*", kTake, "mlp.fc2.*"},
    {"layer_scale1.lambda1", kScale, "attn.proj"},
    {"layer_scale2.lambda1", kScale, "mlp.fc2"},
    {"lambda_1", kScale, "attn.proj"},
    {"lambda_2", kScale, "mlp.fc2"},
    {"attention.attention.relative_position*", kCannotBeComputed, "", kRelative},
    {"mlp.weights_in.*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.weights_out.*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.gate_proj.*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.up_proj.*", kCannotBeComputed, "", kGatedMlp},
    {"mlp.down_proj.*", kCannotBeComputed, "", kGatedMlp},
};

// DINOv3 has no table of positions: they are rotary, and computed.
constexpr TakeRule kDinov3Outer[] = {
    {"embeddings.cls_token", kTake, "embeddings.0.cls_token"},
    {"embeddings.patch_embeddings.*", kCannotBeComputed, "", kRotary},
};

// The vision model of Hugging Face's CLIP.
constexpr TakeRule kClipOuter[] = {
    {"embeddings.class_embedding", kTake, "embeddings.0.cls_token"},
    {"embeddings.position_embedding.weight", kTake, "embeddings.0.pos_embed"},
    {"embeddings.patch_embedding.*", kTake, "embeddings.0.embed.proj.*"},
    {"embeddings.position_ids", kLeftOut},
    {"post_layernorm.*", kTake, "norm.*"},
    {"pre_layrnorm.*", kCannotBeComputed, "", kNormBefore},
    {"pre_layernorm.*", kCannotBeComputed, "", kNormBefore},
};
constexpr absl::string_view kClipBlocks[] = {"encoder.layers.#."};
constexpr TakeRule kClipBlock[] = {
    {"layer_norm1.*", kTake, "norm1.*"},
    {"layer_norm2.*", kTake, "norm2.*"},
    {"self_attn.q_proj.*", kQuery, "attn.qkv.*"},
    {"self_attn.k_proj.*", kKey, "attn.qkv.*"},
    {"self_attn.v_proj.*", kValue, "attn.qkv.*"},
    {"self_attn.out_proj.*", kTake, "attn.proj.*"},
    {"mlp.fc1.*", kTake, "mlp.fc1.*"},
    {"mlp.fc2.*", kTake, "mlp.fc2.*"},
};

// The image tower of OpenAI's CLIP and of open_clip.
constexpr TakeRule kOpenClipOuter[] = {
    {"class_embedding", kTake, "embeddings.0.cls_token"},
    {"positional_embedding", kTake, "embeddings.0.pos_embed"},
    {"conv1.*", kTake, "embeddings.0.embed.proj.*"},
    {"ln_post.*", kTake, "norm.*"},
    {"ln_pre.*", kCannotBeComputed, "", kNormBefore},
};
constexpr absl::string_view kOpenClipBlocks[] = {"transformer.resblocks.#."};
constexpr TakeRule kOpenClipBlock[] = {
    {"ln_1.*", kTake, "norm1.*"},
    {"ln_2.*", kTake, "norm2.*"},
    {"attn.in_proj_weight", kTake, "attn.qkv.weight"},
    {"attn.in_proj_bias", kTake, "attn.qkv.bias"},
    {"attn.out_proj.*", kTake, "attn.proj.*"},
    {"mlp.c_fc.*", kTake, "mlp.fc1.*"},
    {"mlp.c_proj.*", kTake, "mlp.fc2.*"},
    {"ls_1.gamma", kScale, "attn.proj"},
    {"ls_2.gamma", kScale, "mlp.fc2"},
};

constexpr TakeRule kTorchvisionOuter[] = {
    {"class_token", kTake, "embeddings.0.cls_token"},
    {"encoder.pos_embedding", kTake, "embeddings.0.pos_embed"},
    {"conv_proj.*", kTake, "embeddings.0.embed.proj.*"},
    {"encoder.ln.*", kTake, "norm.*"},
};
constexpr absl::string_view kTorchvisionBlocks[] = {"encoder.layers.encoder_layer_#."};
constexpr TakeRule kTorchvisionBlock[] = {
    {"ln_1.*", kTake, "norm1.*"},
    {"ln_2.*", kTake, "norm2.*"},
    {"self_attention.in_proj_weight", kTake, "attn.qkv.weight"},
    {"self_attention.in_proj_bias", kTake, "attn.qkv.bias"},
    {"self_attention.out_proj.*", kTake, "attn.proj.*"},
    {"mlp.linear_1.*", kTake, "mlp.fc1.*"},
    {"mlp.linear_2.*", kTake, "mlp.fc2.*"},
    {"mlp.0.*", kTake, "mlp.fc1.*"},
    {"mlp.3.*", kTake, "mlp.fc2.*"},
};

// Models of this project, under the names of the paper's release.
constexpr TakeRule kOwnOuter[] = {
    {"embeddings.0.*", kTake, "embeddings.0.*"},
    {"norm.*", kTake, "norm.*"},
};
constexpr absl::string_view kOwnBlocks[] = {"blockses.0.#."};
constexpr TakeRule kOwnBlock[] = {
    {"norm1.*", kTake, "norm1.*"},
    {"norm2.*", kTake, "norm2.*"},
    {"attn.*", kTake, "attn.*"},
    {"mlp.*", kTake, "mlp.*"},
};

constexpr Convention kImage[] = {
    {"timm", "patch_embed.proj.weight", "blocks.0.norm1.weight", "", kTimmOuter, kTimmBlocks,
     kTimmBlock, "gelu", 1e-6},
    {"Hugging Face's ViT", "embeddings.patch_embeddings.projection.weight", "", "",
     kHuggingFaceOuter, kHuggingFaceBlocks, kHuggingFaceBlock, "gelu", 1e-12},
    {"Hugging Face's DINOv3",
     "embeddings.patch_embeddings.weight",
     "",
     "",
     kDinov3Outer,
     {},
     {},
     "gelu",
     1e-5},
    {"Hugging Face's CLIP", "embeddings.patch_embedding.weight",
     "encoder.layers.0.layer_norm1.weight", "", kClipOuter, kClipBlocks, kClipBlock, "quick_gelu",
     1e-5},
    {"open_clip", "conv1.weight", "transformer.resblocks.0.ln_1.weight", "", kOpenClipOuter,
     kOpenClipBlocks, kOpenClipBlock, "quick_gelu", 1e-5},
    {"torchvision", "conv_proj.weight", "encoder.layers.encoder_layer_0.ln_1.weight", "",
     kTorchvisionOuter, kTorchvisionBlocks, kTorchvisionBlock, "gelu", 1e-6},
    {"Tributary", "embeddings.0.embed.proj.weight", "blockses.0.0.norm1.weight", "", kOwnOuter,
     kOwnBlocks, kOwnBlock, "gelu", 1e-5},
};

// BERT's family. The blocks of a text model stay random, as in the paper.
constexpr TakeRule kBertOuter[] = {
    {"word_embeddings.weight", kTake, "word_embeddings.weight"},
    {"position_embeddings.weight", kTake, "position_embeddings.weight"},
    {"token_type_embeddings.weight", kTake, "token_type_embeddings.weight"},
    {"LayerNorm.weight", kTake, "LayerNorm.weight"},
    {"LayerNorm.bias", kTake, "LayerNorm.bias"},
    // Files converted from TensorFlow keep its names.
    {"LayerNorm.gamma", kTake, "LayerNorm.weight"},
    {"LayerNorm.beta", kTake, "LayerNorm.bias"},
};

constexpr Convention kText[] = {
    {"BERT",
     "word_embeddings.weight",
     "",
     "embeddings.1.text_embeddings.",
     kBertOuter,
     {},
     {},
     "gelu",
     1e-12},
};

}  // namespace

absl::Span<const Convention> ImageConventions() { return kImage; }

absl::Span<const Convention> TextConventions() { return kText; }

const TakeRule* FindRule(absl::Span<const TakeRule> rules, absl::string_view name,
                         absl::string_view* rest) {
  for (const TakeRule& rule : rules) {
    absl::string_view pattern = rule.theirs;
    const bool open = absl::ConsumeSuffix(&pattern, "*");
    *rest = name;
    if (absl::ConsumePrefix(rest, pattern) && (open || rest->empty())) return &rule;
  }
  return nullptr;
}

}  // namespace tributary
