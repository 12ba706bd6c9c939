namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>Hugging Face's <c>ViTForImageClassification</c>; ACMs stand where the Linear they replace stood, an MLP's at <c>mlp</c>.</summary>
internal static class ViTNames
{
    /// <summary>Left: a folder's names. Right: a package's.</summary>
    public static NameTable Table { get; } = new(
        ("[vit.]embeddings.cls_token", "class_token"),
        ("[vit.]embeddings.patch_embeddings.projection.*", "conv_proj.*"),
        ("[vit.]embeddings.position_embeddings", "encoder.pos_embedding"),
        ("[vit.]embeddings.mask_token", ""),
        ("[vit.]encoder.layer.{i}.layernorm_before.*", "encoder.layers.encoder_layer_{i}.ln_1.*"),
        ("[vit.]encoder.layer.{i}.attention.attention.query.*", "encoder.layers.encoder_layer_{i}.self_attention.q_proj.*"),
        ("[vit.]encoder.layer.{i}.attention.attention.key.*", "encoder.layers.encoder_layer_{i}.self_attention.k_proj.*"),
        ("[vit.]encoder.layer.{i}.attention.attention.value.*", "encoder.layers.encoder_layer_{i}.self_attention.v_proj.*"),
        ("[vit.]encoder.layer.{i}.attention.output.dense.*", "encoder.layers.encoder_layer_{i}.self_attention.o_proj.*"),
        ("[vit.]encoder.layer.{i}.layernorm_after.*", "encoder.layers.encoder_layer_{i}.ln_2.*"),
        ("[vit.]encoder.layer.{i}.intermediate.dense.*", "encoder.layers.encoder_layer_{i}.mlp.0.*"),
        ("[vit.]encoder.layer.{i}.output.dense.*", "encoder.layers.encoder_layer_{i}.mlp.3.*"),
        ("[vit.]encoder.layer.{i}.mlp.*", "encoder.layers.encoder_layer_{i}.mlp.*"),
        ("[vit.]layernorm.*", "encoder.ln.*"),
        ("classifier.*", "heads.head.*"),
        ("[vit.]pooler.*", ""));
}

/// <summary>Hugging Face's <c>BertModel</c>, alone or within a model for a task, whose head is left out.</summary>
internal static class BertNames
{
    /// <summary>Left: a folder's names. Right: a package's.</summary>
    public static NameTable Table { get; } = new(
        ("[bert.]embeddings.position_ids", ""),
        ("[bert.]embeddings.token_type_ids", ""),
        // As checkpoints say that once came from TensorFlow, bert-base-uncased among them.
        ("[bert.]embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
        ("[bert.]embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias"),
        ("[bert.]encoder.layer.{i}.attention.output.LayerNorm.gamma", "encoder.layer.{i}.attention.output.LayerNorm.weight"),
        ("[bert.]encoder.layer.{i}.attention.output.LayerNorm.beta", "encoder.layer.{i}.attention.output.LayerNorm.bias"),
        ("[bert.]encoder.layer.{i}.output.LayerNorm.gamma", "encoder.layer.{i}.output.LayerNorm.weight"),
        ("[bert.]encoder.layer.{i}.output.LayerNorm.beta", "encoder.layer.{i}.output.LayerNorm.bias"),
        ("[bert.]embeddings.*", "embeddings.*"),
        ("[bert.]encoder.layer.{i}.*", "encoder.layer.{i}.*"),
        ("[bert.]pooler.*", ""),
        ("cls.*", ""),
        ("classifier.*", ""),
        ("qa_outputs.*", ""));
}

/// <summary>Hugging Face's <c>Wav2Vec2ForCTC</c>: a package's own names.</summary>
internal static class Wav2Vec2Names
{
    /// <summary>Left: a folder's names. Right: a package's.</summary>
    public static NameTable Table { get; } = new(
        ("wav2vec2.masked_spec_embed", ""),
        ("wav2vec2.feature_extractor.*", "wav2vec2.feature_extractor.*"),
        ("wav2vec2.feature_projection.*", "wav2vec2.feature_projection.*"),
        ("wav2vec2.encoder.*", "wav2vec2.encoder.*"),
        ("lm_head.*", "lm_head.*"));
}
