namespace Acm.Runtime.Conversion.Torchvision;

/// <summary>torchvision's <c>VisionTransformer</c>, and the published code's ACMized copy of it.</summary>
internal static class TorchvisionNames
{
    /// <summary>Left: a state dict's names. Right: a package's.</summary>
    public static NameTable Table { get; } = new(
        ("class_token", "class_token"),
        ("conv_proj.*", "conv_proj.*"),
        ("encoder.pos_embedding", "encoder.pos_embedding"),
        ("encoder.layers.encoder_layer_{i}.ln_1.*", "encoder.layers.encoder_layer_{i}.ln_1.*"),
        ("encoder.layers.encoder_layer_{i}.ln_2.*", "encoder.layers.encoder_layer_{i}.ln_2.*"),
        // Dense attention: q, k and v in one matrix.
        ("encoder.layers.encoder_layer_{i}.self_attention.in_proj_weight", "encoder.layers.encoder_layer_{i}.self_attention.{q,k,v}_proj.weight"),
        ("encoder.layers.encoder_layer_{i}.self_attention.in_proj_bias", "encoder.layers.encoder_layer_{i}.self_attention.{q,k,v}_proj.bias"),
        ("encoder.layers.encoder_layer_{i}.self_attention.out_proj.*", "encoder.layers.encoder_layer_{i}.self_attention.o_proj.*"),
        // ACMs, and dense projections the published code has already set apart.
        ("encoder.layers.encoder_layer_{i}.self_attention.q_proj.*", "encoder.layers.encoder_layer_{i}.self_attention.q_proj.*"),
        ("encoder.layers.encoder_layer_{i}.self_attention.k_proj.*", "encoder.layers.encoder_layer_{i}.self_attention.k_proj.*"),
        ("encoder.layers.encoder_layer_{i}.self_attention.v_proj.*", "encoder.layers.encoder_layer_{i}.self_attention.v_proj.*"),
        ("encoder.layers.encoder_layer_{i}.self_attention.o_proj.*", "encoder.layers.encoder_layer_{i}.self_attention.o_proj.*"),
        // The files torchvision publishes still carry the names of its first MLP.
        ("encoder.layers.encoder_layer_{i}.mlp.linear_1.*", "encoder.layers.encoder_layer_{i}.mlp.0.*"),
        ("encoder.layers.encoder_layer_{i}.mlp.linear_2.*", "encoder.layers.encoder_layer_{i}.mlp.3.*"),
        ("encoder.layers.encoder_layer_{i}.mlp.*", "encoder.layers.encoder_layer_{i}.mlp.*"),
        ("encoder.ln.*", "encoder.ln.*"),
        ("heads.[head.]*", "heads.head.*"));
}
