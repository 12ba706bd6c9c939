namespace Acm.Runtime;

/// <summary>What kind of transformer a model is.</summary>
public enum Architecture
{
    /// <summary>Vision transformer: images to classes.</summary>
    Vit,
    /// <summary>Text encoder: word pieces to a vector.</summary>
    Bert,
    /// <summary>Speech recogniser: samples to characters.</summary>
    Wav2Vec2,
}

/// <summary>Which of two definitions of an ACM's output a model follows.</summary>
public enum AcmSemantics
{
    /// <summary>The paper's: a row with k learners gets k learners.</summary>
    Paper,
    /// <summary>The released code's: the learner numbered max(k in the batch) never runs, so a row depends on its batch. For parity only.</summary>
    PublishedCode,
}
