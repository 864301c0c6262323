-- Requests of one token; with an argument N each N-th has one never seen.

local every, count, prefix


function init(arguments)
    every = tonumber(arguments[1]) or 0
    count = 0
    prefix = arguments[2] or ""
end


function request()
    count = count + 1

    if every > 0 and count % every == 0 then
        return wrk.format("GET", nil, { ["Authorization"] =
            string.format("Bearer %s.%026d", prefix, count) })
    end

    return wrk.format()
end
