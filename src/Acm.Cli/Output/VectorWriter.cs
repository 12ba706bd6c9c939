using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Acm.Runtime;

namespace Acm.Cli.Output;

/// <summary>Writes vectors as they come, so that memory does not grow with their number. A file's form is its extension's.</summary>
internal abstract class VectorWriter : IDisposable
{
    public abstract void Write(string text, ReadOnlySpan<float> vector);

    /// <summary>Called once, after the last vector.</summary>
    public abstract void Finish(InferenceSession session, EncodingReport report);

    public abstract void Dispose();

    public static VectorWriter Create(string? path, bool json, TextWriter output, int width)
    {
        if (path is null)
            return json ? new Json(null, output) : new Lines(null, output);
        AtomicFile file = new(path);
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".json":
                return new Json(file, output);
            case ".npy" when file.Stream.CanSeek:
                return new Npy(file, width);
            case ".npy":
                file.Dispose();
                throw new BadInputException($"--output {path}: a .npy file needs its count at the beginning, so the output must be a file");
            default:
                return new Lines(file, new StreamWriter(file.Stream));
        }
    }

    /// <summary>What encoding took, as properties of an open object.</summary>
    public static void Summary(Utf8JsonWriter json, InferenceSession session, EncodingReport report)
    {
        json.WriteNumber("texts", report.Texts);
        json.WriteNumber("truncated", report.Truncated);
        json.WriteNumber("empty", report.Empty);
        json.WriteNumber("word_pieces", report.WordPieces);
        json.WriteNumber("macs", report.Macs);
        json.WriteNumber("dense_macs", report.DenseMacs);
        Report.Budget(json, report.Budget);
        Report.Backend(json, session);
    }

    /// <summary>One vector a line, numbers apart by spaces.</summary>
    private sealed class Lines(AtomicFile? file, TextWriter output) : VectorWriter
    {
        public override void Write(string text, ReadOnlySpan<float> vector)
        {
            StringBuilder line = new(vector.Length * 12);
            foreach (float value in vector)
                line.Append(line.Length == 0 ? "" : " ").Append(value.ToString("R", CultureInfo.InvariantCulture));
            output.WriteLine(line);
        }

        public override void Finish(InferenceSession session, EncodingReport report)
        {
            output.Flush();
            file?.Commit();
        }

        public override void Dispose() => file?.Dispose();
    }

    /// <summary>One JSON object: vectors, then what they took.</summary>
    private sealed class Json : VectorWriter
    {
        private readonly TextWriter _output;
        private readonly Stream _stream;
        private readonly AtomicFile? _file;
        private readonly Utf8JsonWriter _json;

        public Json(AtomicFile? file, TextWriter output)
        {
            (_file, _output) = (file, output);
            _stream = file?.Stream ?? (Stream)new MemoryStream();
            _json = new Utf8JsonWriter(_stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
            _json.WriteStartObject();
            _json.WriteStartArray("embeddings");
        }

        public override void Write(string text, ReadOnlySpan<float> vector)
        {
            _json.WriteStartObject();
            _json.WriteString("text", text);
            _json.WriteStartArray("vector");
            foreach (float value in vector)
                Report.Number(_json, value);
            _json.WriteEndArray();
            _json.WriteEndObject();
            // To standard output piece by piece; a file's stream writes by itself.
            _json.Flush();
            Drain();
        }

        public override void Finish(InferenceSession session, EncodingReport report)
        {
            _json.WriteEndArray();
            Summary(_json, session, report);
            _json.WriteEndObject();
            _json.Flush();
            Drain();
            if (_file is null)
                _output.WriteLine();
            else
                _file.Commit();
        }

        // The writer has nothing to give back, and what it still holds is part of a file that nobody is to see.
        public override void Dispose() => _file?.Dispose();

        private void Drain()
        {
            if (_stream is MemoryStream memory)
            {
                _output.Write(Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length));
                memory.SetLength(0);
            }
        }
    }

    /// <summary>NumPy's format, version 1.0: the count is filled in at the end, in a header of fixed size.</summary>
    private sealed class Npy : VectorWriter
    {
        private readonly AtomicFile _file;
        private readonly int _width;
        private int _count;

        public Npy(AtomicFile file, int width)
        {
            (_file, _width) = (file, width);
            _file.Stream.Write(Header());
        }

        public override void Write(string text, ReadOnlySpan<float> vector)
        {
            _file.Stream.Write(MemoryMarshal.AsBytes(vector));
            _count++;
        }

        public override void Finish(InferenceSession session, EncodingReport report)
        {
            _file.Stream.Position = 0;
            _file.Stream.Write(Header());
            _file.Commit();
        }

        public override void Dispose() => _file.Dispose();

        private byte[] Header()
        {
            const int Size = 128;
            string description = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({_count}, {_width}), }}";
            return [0x93, .. "NUMPY"u8, 1, 0, Size - 10, 0, .. Encoding.ASCII.GetBytes(description.PadRight(Size - 11)), (byte)'\n'];
        }
    }
}
