namespace Acm.Runtime.Plan;

/// <summary>
/// One step of the forward. A model is a short list of these over named buffers; every backend carries out the same list
/// (and may fuse neighbours: a norm with the gate after it, q/k/v that share an input). Matrices are row-major; rows are
/// packed sequence after sequence (<see cref="RowSpace"/>). No op looks across sequences, so no row depends on its batch.
/// <c>Out</c> may be the same buffer as <c>Residual</c>, never as <c>In</c>.
/// </summary>
internal abstract record Op;

/// <summary>
/// Images to tokens: row 0 of an image is the class token, row 1 + p the p-th patch times <paramref name="Weight"/>
/// [width, channels, patch, patch] plus <paramref name="Bias"/>; <paramref name="Positions"/> [rows, width] are added to all.
/// Reads the run's pixels [channels, size, size] per sequence.
/// </summary>
internal sealed record PatchEmbed(
    Buffer Out, Weight Weight, Weight? Bias, Weight ClassToken, Weight Positions, int ImageSize, int PatchSize, int Channels) : Op;

/// <summary>Word pieces to rows: <c>word[id] + position[index in sequence] + type[type id]</c>. Reads the run's ids (and type ids, else 0).</summary>
internal sealed record TokenEmbed(Buffer Out, Weight Words, Weight Positions, Weight Types) : Op;

/// <summary>The run's samples as rows of width 1.</summary>
internal sealed record LoadSamples(Buffer Out) : Op;

/// <summary>Layer normalisation of each row, then <paramref name="Activation"/>: variance over the width, biased.</summary>
internal sealed record LayerNorm(
    Buffer In, Buffer Out, Weight Weight, Weight Bias, double Epsilon, Activation Activation = Activation.Identity) : Op;

/// <summary>
/// Group normalisation with one group per channel: mean and variance of a column over the rows of its own sequence; then
/// <paramref name="Activation"/>.
/// </summary>
internal sealed record ChannelNorm(
    Buffer In, Buffer Out, Weight Weight, Weight Bias, double Epsilon, Activation Activation = Activation.Identity) : Op;

/// <summary><c>Out = act(In W^T + Bias) + Residual</c>, <paramref name="Weight"/> [out, in].</summary>
internal sealed record Linear(
    Buffer In, Buffer Out, Weight Weight, Weight? Bias, Activation Activation = Activation.Identity, Buffer? Residual = null) : Op;

/// <summary>
/// Chooses k for every ACM that reads <paramref name="In"/>: <c>argmax_i(logits_i - lambda * (i + MinK)) + MinK</c>, or what the
/// run forces (given k, or a fixed width).
/// </summary>
internal sealed record Route(Buffer In, IReadOnlyList<(AcmSite Site, ChoiceBuffer K)> Gates) : Op;

/// <summary>
/// An ACM on each row with that row's k: <c>Out = h(In, k) + Residual</c>. Consecutive ones over the same <paramref name="In"/> (q, k, v)
/// do not depend on each other.
/// </summary>
internal sealed record AcmLayer(Buffer In, ChoiceBuffer K, Buffer Out, AcmSite Site, Buffer? Residual = null) : Op;

/// <summary>
/// Softmax attention within each sequence, head h on columns h*size onward, scale 1/sqrt(size):
/// <c>Out = softmax(Q K^T / sqrt(size)) V</c>. A sequence may have fewer rows in Q and Out than in K and V.
/// </summary>
internal sealed record Attention(Buffer Q, Buffer K, Buffer V, Buffer Out, int Heads) : Op;

/// <summary>
/// Convolution along the rows of each sequence: <c>Out[t, o] = act(sum_{c, j} In[t*Stride + j - Padding, c] W[o, c, j] + Bias[o]) + Residual[t, o]</c>,
/// <paramref name="Weight"/> [out, in / groups, kernel]; rows outside the sequence are zero. Out's row space says how many
/// frames are kept (Wav2Vec2 drops the last one of an even position kernel).
/// </summary>
internal sealed record Conv1d(
    Buffer In, Buffer Out, Weight Weight, Weight? Bias, int Stride, int Padding, int Groups,
    Activation Activation = Activation.Identity, Buffer? Residual = null) : Op;

/// <summary>The first row of each sequence: <paramref name="Out"/> has one row a sequence.</summary>
internal sealed record SelectFirst(Buffer In, Buffer Out) : Op;

/// <summary>The mean of each sequence's rows.</summary>
internal sealed record MeanPool(Buffer In, Buffer Out) : Op;

/// <summary>Each row over its Euclidean length (a length under 1e-12 counts as 1e-12).</summary>
internal sealed record UnitLength(Buffer In, Buffer Out) : Op;

/// <summary>A place where a run that asks for hidden states copies them: <paramref name="Index"/> 0 is the embeddings' output, i the output of layer i - 1.</summary>
internal sealed record Tap(Buffer In, int Index) : Op;
