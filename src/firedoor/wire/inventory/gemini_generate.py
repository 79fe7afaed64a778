"""Gemini generateContent, countTokens and embedContent (google-genai 3.6.1): the shape of a request.

Written as the wire spells it. The server takes the snake_case spelling of every name as well, and
one object where a list of one would do, so both are in the tables (`spelled`, `_one_or_more`).
"""

import re
from typing import Any, Final

from firedoor.wire.shape import Hop, Shape, Tagged

_HUMP: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(name: str) -> str:
    """``systemInstruction`` as ``system_instruction``."""
    return _HUMP.sub(r"_\1", name).lower()


def spelled(shape: Shape) -> Any:
    """The shape with every name in both spellings."""
    if isinstance(shape, Hop):
        return shape._replace(shape=spelled(shape.shape))
    if isinstance(shape, Tagged):
        return shape._replace(cases={tag: spelled(case) for tag, case in shape.cases.items()})
    if isinstance(shape, dict):
        inner = {name: spelled(value) for name, value in shape.items()}
        return {snake(name): value for name, value in inner.items()} | inner
    if isinstance(shape, list):
        return [spelled(value) for value in shape]
    if isinstance(shape, tuple):
        return tuple(spelled(value) for value in shape)
    return shape


def _one_or_more(shape: Shape) -> Shape:
    return ([shape], shape)


# -- contents --------------------------------------------------------------------------------------

_MEDIA: Final = {
    "inlineData": {"mimeType": "word", "data": "media", "displayName": "text"},
    # Where it leads elsewhere than to the provider's own store, the surface reads it as a text.
    "fileData": {"mimeType": "word", "fileUri": "ref:file", "displayName": "text"},
    "mediaProcessing": "word",
    "mediaResolution": ("word", {"level": "word", "numTokens": "word"}),
    "videoMetadata": {
        "startOffset": "word", "endOffset": "word", "fps": "word", "contentLayers": ["word"],
    },
    "documentMetadata": {"startPage": "word", "endPage": "word", "contentLayers": ["word"]},
    "spreadsheetMetadata": {
        "visibleCells": "text", "sheetIndex": "word", "contentLayers": ["word"],
    },
    "audioMetadata": {"startOffset": "word", "endOffset": "word"},
}  # fmt: skip
_PART: Final = {
    **_MEDIA,
    "text": "text",
    "thought": "word",
    "thoughtSignature": "blob",
    "functionCall": {
        "id": "word", "name": "word", "args": "free", "partialArgs": "free",
        "willContinue": "word",
    },
    "functionResponse": {
        "id": "word", "name": "word", "response": "free", "parts": [_MEDIA],
        "willContinue": "word", "scheduling": "word",
    },
    "executableCode": {"id": "word", "language": "word", "code": "text"},
    "codeExecutionResult": {"id": "word", "outcome": "word", "output": "text"},
    "toolCall": {"id": "word", "toolType": "word", "args": "free"},
    "toolResponse": {"id": "word", "toolType": "word", "response": "free"},
    "partMetadata": "free",
    "audioTranscription": {
        "text": "text", "finished": "word", "languageCode": "word", "speakerLabel": "text",
        "words": [{"word": "text", "startOffset": "word", "endOffset": "word"}],
        "startOffset": "word", "endOffset": "word",
    },
    "speechMetadata": {"speaker": "text", "style": "text"},
}  # fmt: skip
PART: Final = spelled(_PART)
_CONTENT: Final = {"role": "word", "parts": _one_or_more(_PART)}
CONTENT: Final = spelled(_CONTENT)

# -- tools -----------------------------------------------------------------------------------------

FUNCTION: Final = spelled(
    {
        "name": "definition", "description": "definition", "parameters": "definition",
        "parametersJsonSchema": "definition", "response": "definition",
        "responseJsonSchema": "definition", "behavior": "word",
    }
)  # fmt: skip
HOSTED: Final = spelled(
    {
        "googleSearch": {
            "searchTypes": {"webSearch": {}, "imageSearch": {}},
            "timeRangeFilter": {"startTime": "word", "endTime": "word"},
            "excludeDomains": ["text"],
        },
        "googleSearchRetrieval": {
            "dynamicRetrievalConfig": {"mode": "word", "dynamicThreshold": "word"}
        },
        "googleMaps": {"enableWidget": "word", "authConfig": {"apiKey": "opaque"}},
        "urlContext": {},
        "codeExecution": {},
        "computerUse": {
            "environment": "word", "excludedPredefinedFunctions": ["word"],
            "enablePromptInjectionDetection": "word", "disabledSafetyPolicies": ["word"],
        },
        "fileSearch": {
            "fileSearchStoreNames": ["ref:file_search_store"], "topK": "word",
            "metadataFilter": "text",
        },
        "mcpServers": Hop(
            "mcp",
            [
                {
                    "name": "word",
                    "streamableHttpTransport": {
                        "url": "text", "headers": {"*": "opaque"}, "timeout": "word",
                        "sseReadTimeout": "word", "terminateOnClose": "word",
                    },
                }
            ],
        ),
    }
)  # fmt: skip
TOOL: Final = {
    "functionDeclarations": _one_or_more(FUNCTION),
    "function_declarations": _one_or_more(FUNCTION),
    **HOSTED,
}
TOOL_CONFIG: Final = {
    "functionCallingConfig": {"mode": "word", "allowedFunctionNames": ["word"]},
    "retrievalConfig": {
        "latLng": {"latitude": "word", "longitude": "word"}, "languageCode": "word",
    },
    "includeServerSideToolInvocations": "word",
}  # fmt: skip

# -- configuration ---------------------------------------------------------------------------------

_VOICE: Final = {
    "voice": "word",
    "prebuiltVoiceConfig": {"voiceName": "word"},
    "replicatedVoiceConfig": {
        "mimeType": "word", "voiceSampleAudio": "opaque", "consentAudio": "opaque",
        "voiceConsentSignature": {"signature": "opaque"},
    },
}  # fmt: skip
_GENERATION: Final = {
    "audioTranscriptionConfig": {
        "languageCodes": ["word"], "languageAuto": "free",
        "languageHints": {"languageCodes": ["word"]}, "customVocabulary": ["text"],
        "adaptationPhrases": ["text"], "wordTimestamp": "word", "diarization": "word",
        "mode": "word", "sourceText": "text",
    },
    "candidateCount": "word",
    "enableAffectiveDialog": "word",
    "enableEnhancedCivicAnswers": "word",
    "frequencyPenalty": "word",
    "imageConfig": {
        "aspectRatio": "word", "imageSize": "word", "personGeneration": "word",
        "prominentPeople": "word", "outputMimeType": "word", "outputCompressionQuality": "word",
        "imageOutputOptions": {"mimeType": "word", "compressionQuality": "word"},
    },
    "logprobs": "word",
    "maxOutputTokens": "word",
    "mediaResolution": "word",
    "presencePenalty": "word",
    "responseFormat": "definition",
    "responseJsonSchema": "definition",
    "responseLogprobs": "word",
    "responseMimeType": "word",
    "responseModalities": ["word"],
    "responseSchema": "definition",
    "seed": "word",
    "speechConfig": (
        "word",
        {
            "voiceConfig": _VOICE, "languageCode": "word",
            "multiSpeakerVoiceConfig": {
                "speakerVoiceConfigs": [{"speaker": "text", "voiceConfig": _VOICE}]
            },
        },
    ),
    "stopSequences": ["text"],
    "temperature": "word",
    "thinkingConfig": {
        "includeThoughts": "word", "thinkingBudget": "word", "thinkingLevel": "word",
    },
    "topK": "word",
    "topP": "word",
    "translationConfig": {"echoTargetLanguage": "word", "targetLanguageCode": "word"},
}  # fmt: skip
GENERATION: Final = spelled(_GENERATION)
FIELDS: Final = spelled(
    {
        "cachedContent": "ref:cache",
        "contents": _one_or_more(_CONTENT),
        "continuationToken": "ref:continuation",
        "generationConfig": _GENERATION,
        "labels": "free",
        "model": "word",
        "safetySettings": _one_or_more({"category": "word", "threshold": "word"}),
        "serviceTier": "word",
        "store": "word",
        "systemInstruction": _CONTENT,
        "toolConfig": TOOL_CONFIG,
        "tools": _one_or_more(TOOL),
    }
)
"""Of a generateContent request, ``contents`` among them where it is one object and no list."""
COUNT_FIELDS: Final = FIELDS | spelled({"generateContentRequest": FIELDS})
_EMBED: Final = {
    "model": "word", "content": _CONTENT, "taskType": "word", "title": "text",
    "outputDimensionality": "word",
}  # fmt: skip
EMBED_FIELDS: Final = spelled({**_EMBED, "requests": [_EMBED]})
